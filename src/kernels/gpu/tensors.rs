//! Tensors on a GPU: made dense, made empty, and made of a batch's tables.

use burn::backend::TensorMetadata;
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::tensor::{Bytes, DType, Shape, TensorData};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::CubeCount;

/// Units of a cube that works on one row.
pub const UNITS: u32 = 256;

/// Row after row, without gaps.
pub fn dense(tensor: CubeTensor) -> CubeTensor {
    into_contiguous(tensor)
}

/// A tensor that may be written to: the same where nobody else holds its memory, else a copy.
pub fn writable(tensor: CubeTensor) -> CubeTensor {
    let tensor = dense(tensor);
    if tensor.handle.can_mut() { tensor } else { tensor.copy() }
}

/// Memory for f32 numbers on the device of another tensor, uninitialized.
pub fn empty(beside: &CubeTensor, shape: impl Into<Vec<usize>>) -> CubeTensor {
    empty_of(beside, shape, DType::F32)
}

/// [`empty`] for other numbers than f32.
pub fn empty_of(beside: &CubeTensor, shape: impl Into<Vec<usize>>, of: DType) -> CubeTensor {
    let shape = Shape::from(shape.into());
    empty_device_contiguous_dtype(beside.client.clone(), beside.device.clone(), shape, of)
}

/// The lengths of the dimensions.
pub fn shape(tensor: &CubeTensor) -> Vec<usize> {
    TensorMetadata::shape(tensor).to_vec()
}

/// Rows and columns of a matrix.
pub fn sizes(tensor: &CubeTensor) -> (usize, usize) {
    let shape = shape(tensor);
    (shape[0], shape[1])
}

/// How many numbers there are.
pub fn elements(tensor: &CubeTensor) -> usize {
    shape(tensor).iter().product()
}

/// Cubes of [`UNITS`] for a grid-stride loop over `count` numbers: no more than keep a GPU busy, and than may be in one
/// dimension everywhere.
pub fn strided(count: usize) -> CubeCount {
    const MOST: usize = 4096;
    CubeCount::Static(count.div_ceil(UNITS as usize).clamp(1, MOST) as u32, 1, 1)
}

/// Indices, on the device of another tensor.
pub fn upload(beside: &CubeTensor, values: Vec<u32>) -> CubeTensor {
    let count = values.len();
    burn_cubecl::Cube::int_from_data(TensorData::new(values, [count]), &beside.device)
}

/// Numbers, on the device of another tensor.
pub fn upload_numbers(beside: &CubeTensor, values: Vec<f32>) -> CubeTensor {
    let count = values.len();
    burn_cubecl::Cube::float_from_data(TensorData::new(values, [count]), &beside.device)
}

/// Writes numbers in the place of others, behind everything that was sent to the GPU before.
pub fn write<T: bytemuck::Pod + Send + Sync>(tensor: &CubeTensor, values: Vec<T>) {
    tensor.client.write(&tensor.handle, Bytes::from_elems(values));
}

/// Some of a list's numbers, in the same memory.
pub fn view(tensor: &CubeTensor, start: usize, count: usize) -> CubeTensor {
    view_as(tensor, start, count, tensor.dtype)
}

/// [`view`], of numbers whose bits mean something else; of the same size.
pub fn view_as(tensor: &CubeTensor, start: usize, count: usize, dtype: DType) -> CubeTensor {
    let CubeTensor { client, handle, device, .. } = tensor.clone();
    let bytes = |numbers: usize| (numbers * dtype.size()) as u64;
    let behind = elements(tensor) - start - count;
    let handle = handle.offset_start(bytes(start)).offset_end(bytes(behind));
    CubeTensor::new_contiguous(client, device, Shape::from([count]), handle, dtype)
}
