//! Helpers for tensors on a GPU: contiguous copies, allocation, uploads and views.

use burn::backend::TensorMetadata;
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::tensor::{Bytes, DType, Shape, TensorData};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::CubeCount;

/// Units of a cube that processes one row.
pub const UNITS: u32 = 256;

/// Returns the tensor in row-major order, without gaps.
pub fn dense(tensor: CubeTensor) -> CubeTensor {
    into_contiguous(tensor)
}

/// Returns a tensor that may be written to: the same one if its memory is not shared, else a copy.
pub fn writable(tensor: CubeTensor) -> CubeTensor {
    let tensor = dense(tensor);
    if tensor.handle.can_mut() { tensor } else { tensor.copy() }
}

/// Allocates uninitialized f32 numbers on the device of another tensor.
pub fn empty(beside: &CubeTensor, shape: impl Into<Vec<usize>>) -> CubeTensor {
    empty_of(beside, shape, DType::F32)
}

/// [`empty`] for another element type.
pub fn empty_of(beside: &CubeTensor, shape: impl Into<Vec<usize>>, of: DType) -> CubeTensor {
    let shape = Shape::from(shape.into());
    empty_device_contiguous_dtype(beside.client.clone(), beside.device.clone(), shape, of)
}

/// Returns the lengths of the dimensions.
pub fn shape(tensor: &CubeTensor) -> Vec<usize> {
    TensorMetadata::shape(tensor).to_vec()
}

/// Returns the rows and columns of a matrix.
pub fn sizes(tensor: &CubeTensor) -> (usize, usize) {
    let shape = shape(tensor);
    (shape[0], shape[1])
}

/// Returns the number of elements.
pub fn elements(tensor: &CubeTensor) -> usize {
    shape(tensor).iter().product()
}

/// Returns the cubes of [`UNITS`] for a grid-stride loop over `count` numbers: no more than keep a GPU busy, and than every
/// device allows in one dimension.
pub fn strided(count: usize) -> CubeCount {
    const MOST: usize = 4096;
    CubeCount::Static(count.div_ceil(UNITS as usize).clamp(1, MOST) as u32, 1, 1)
}

/// Uploads indices to the device of another tensor.
pub fn upload(beside: &CubeTensor, values: Vec<u32>) -> CubeTensor {
    let count = values.len();
    burn_cubecl::Cube::int_from_data(TensorData::new(values, [count]), &beside.device)
}

/// Uploads numbers to the device of another tensor.
pub fn upload_numbers(beside: &CubeTensor, values: Vec<f32>) -> CubeTensor {
    let count = values.len();
    burn_cubecl::Cube::float_from_data(TensorData::new(values, [count]), &beside.device)
}

/// Overwrites a tensor's numbers, in order after everything already sent to the GPU.
pub fn write<T: bytemuck::Pod + Send + Sync>(tensor: &CubeTensor, values: Vec<T>) {
    tensor.client.write(&tensor.handle, Bytes::from_elems(values));
}

/// Returns `count` numbers of a vector from `start`, in the same memory.
pub fn view(tensor: &CubeTensor, start: usize, count: usize) -> CubeTensor {
    view_as(tensor, start, count, tensor.dtype)
}

/// [`view`] with the bits reinterpreted as another type of the same size.
pub fn view_as(tensor: &CubeTensor, start: usize, count: usize, dtype: DType) -> CubeTensor {
    let CubeTensor { client, handle, device, .. } = tensor.clone();
    let bytes = |numbers: usize| (numbers * dtype.size()) as u64;
    let behind = elements(tensor) - start - count;
    let handle = handle.offset_start(bytes(start)).offset_end(bytes(behind));
    CubeTensor::new_contiguous(client, device, Shape::from([count]), handle, dtype)
}
