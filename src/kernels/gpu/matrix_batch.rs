//! Batches of matrices of the same size in one allocation, which a single launch multiplies. Gaps between the matrices keep
//! each one aligned so that every GPU can bind it.

use burn::tensor::{DType, Shape};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::zspace::{Strides, metadata::Metadata};
use half::bf16;

use super::tensors::{UNITS, dense, empty_of, sizes, strided};

/// Alignment of matrices, in numbers, at which every GPU can bind them.
const ALIGNMENT: usize = 128;

/// Returns the distance in numbers between the beginnings of consecutive matrices.
pub fn batch_stride(rows: usize, columns: usize) -> usize {
    (rows * columns).next_multiple_of(ALIGNMENT)
}

/// Returns uninitialized matrices: `[count, rows, columns]`.
pub fn empty_batch(beside: &CubeTensor, count: usize, [rows, columns]: [usize; 2], of: DType) -> CubeTensor {
    let stride = batch_stride(rows, columns);
    let memory = empty_of(beside, [count * stride], of);
    CubeTensor { meta: Box::new(metadata([count, rows, columns], stride)), ..memory }
}

fn metadata([count, rows, columns]: [usize; 3], stride: usize) -> Metadata {
    Metadata::new(Shape::from([count, rows, columns]), Strides::new(&[stride, columns, 1]))
}

/// Returns one matrix of a batch, in the same memory.
pub fn matrix(batch: &CubeTensor, index: usize) -> CubeTensor {
    let (shape, strides) = (batch.meta.shape().clone(), batch.meta.strides().clone());
    let (count, rows, columns, stride) = (shape[0], shape[1], shape[2], strides[0]);
    let size = batch.dtype.size();
    let CubeTensor { client, handle, device, dtype, .. } = batch.clone();
    let handle = handle.offset_start((index * stride * size) as u64);
    // The last matrix ends where the batch does, after its gap.
    let handle = handle.offset_end(((count - 1 - index) * stride * size) as u64);
    CubeTensor::new_contiguous(client, device, Shape::from([rows, columns]), handle, dtype)
}

/// Returns all matrices of a batch, in the same memory.
pub fn matrices<const N: usize>(batch: &CubeTensor) -> [CubeTensor; N] {
    std::array::from_fn(|index| matrix(batch, index))
}

/// Returns a matrix as a batch of one, which is broadcast over the matrices of another batch.
pub fn unsqueezed(x: CubeTensor) -> CubeTensor {
    let (rows, columns) = sizes(&x);
    let x = dense(x);
    CubeTensor { meta: Box::new(metadata([1, rows, columns], rows * columns)), ..x }
}

/// Returns matrices as a batch: in the same memory if they already form one, else copied.
pub fn batched<const N: usize>(matrices: [CubeTensor; N]) -> CubeTensor {
    let matrices = matrices.map(dense);
    already_batched(&matrices).unwrap_or_else(|| {
        let (rows, columns) = sizes(&matrices[0]);
        let batch = empty_batch(&matrices[0], N, [rows, columns], matrices[0].dtype);
        if matrices[0].dtype == DType::BF16 {
            copy::<bf16, N>(&matrices, &batch);
        } else {
            copy::<f32, N>(&matrices, &batch);
        }
        batch
    })
}

fn already_batched<const N: usize>(matrices: &[CubeTensor; N]) -> Option<CubeTensor> {
    let places = matrices.each_ref().map(|matrix| matrix.handle.clone().binding().claim_key());
    let (memory, first, _) = &places[0];
    let (rows, columns) = sizes(&matrices[0]);
    let stride = batch_stride(rows, columns);
    let bytes = (stride * matrices[0].dtype.size()) as u64;
    let is_at = |(index, (own, start, _)): (u64, &(_, u64, u64))| own == memory && *start == first + index * bytes;
    if !(0..).zip(&places).all(is_at) {
        return None;
    }
    let mut batch = matrices[0].clone();
    batch.handle.offset_end = matrices[N - 1].handle.offset_end;
    batch.meta = Box::new(metadata([N, rows, columns], stride));
    Some(batch)
}

#[cube(launch)]
fn copy_each<E: Float>(
    matrices: &Sequence<OwnedTensor<E>>,
    batch: &mut Tensor<E>,
    size: usize,
    stride: usize,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    #[unroll]
    for index in 0..count {
        let matrix = matrices.index(index);
        let mut at = ABSOLUTE_POS;
        while at < size {
            batch[index * stride + at] = matrix[at];
            at += (CUBE_COUNT_X * units) as usize;
        }
    }
}

fn copy<E: Float, const N: usize>(matrices: &[CubeTensor; N], batch: &CubeTensor) {
    let (rows, columns) = sizes(&matrices[0]);
    let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
    copy_each::launch::<E>(
        &batch.client,
        strided(rows * columns),
        CubeDim::new_1d(UNITS),
        matrices.iter().map(arg).collect(),
        arg(batch),
        rows * columns,
        batch_stride(rows, columns),
        N,
        UNITS,
    );
}

#[cube(launch)]
fn add_matrices(
    batch: &Tensor<f32>,
    sum: &mut Tensor<f32>,
    size: usize,
    stride: usize,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    let mut at = ABSOLUTE_POS;
    while at < size {
        let mut all = batch[at];
        #[unroll]
        for index in 1..count {
            all += batch[index * stride + at];
        }
        sum[at] = all;
        at += (CUBE_COUNT_X * units) as usize;
    }
}

/// Returns the sum of a batch's f32 matrices.
pub fn sum_of_matrices(batch: &CubeTensor) -> CubeTensor {
    let shape = batch.meta.shape().clone();
    let (count, rows, columns) = (shape[0], shape[1], shape[2]);
    let sum = empty_of(batch, [rows, columns], DType::F32);
    let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
    add_matrices::launch(
        &sum.client,
        strided(rows * columns),
        CubeDim::new_1d(UNITS),
        arg(batch),
        arg(&sum),
        rows * columns,
        batch_stride(rows, columns),
        count,
        UNITS,
    );
    sum
}
