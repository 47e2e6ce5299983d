//! Matrices of one size behind each other in one piece of memory, which one launch multiplies as a batch.

use burn::tensor::{DType, Shape};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::zspace::{Strides, metadata::Metadata};
use half::bf16;

use super::tensors::{UNITS, dense, room_for, sizes, strided};

/// Matrices begin at multiples of so many numbers, where every GPU can bind them.
const ALIGNMENT: usize = 128;

/// Numbers from the beginning of a matrix to that of the next.
pub fn pace(rows: usize, columns: usize) -> usize {
    (rows * columns).next_multiple_of(ALIGNMENT)
}

/// Room for so many matrices: `[count, rows, columns]`.
pub fn stack_room(beside: &CubeTensor, count: usize, [rows, columns]: [usize; 2], of: DType) -> CubeTensor {
    let pace = pace(rows, columns);
    let room = room_for(beside, [count * pace], of);
    CubeTensor { meta: Box::new(metadata([count, rows, columns], pace)), ..room }
}

fn metadata([count, rows, columns]: [usize; 3], pace: usize) -> Metadata {
    Metadata::new(Shape::from([count, rows, columns]), Strides::new(&[pace, columns, 1]))
}

/// One of a stack's matrices, in the same memory.
pub fn layer(stack: &CubeTensor, index: usize) -> CubeTensor {
    let (shape, strides) = (stack.meta.shape().clone(), stack.meta.strides().clone());
    let (count, rows, columns, pace) = (shape[0], shape[1], shape[2], strides[0]);
    let size = stack.dtype.size();
    let CubeTensor { client, handle, device, dtype, .. } = stack.clone();
    let handle = handle.offset_start((index * pace * size) as u64);
    // The last one ends where the stack does, with what fills it up.
    let handle = handle.offset_end(((count - 1 - index) * pace * size) as u64);
    CubeTensor::new_contiguous(client, device, Shape::from([rows, columns]), handle, dtype)
}

/// All of a stack's matrices.
pub fn layers<const N: usize>(stack: &CubeTensor) -> [CubeTensor; N] {
    std::array::from_fn(|index| layer(stack, index))
}

/// The same matrix as a stack of one, which goes with every matrix of another stack.
pub fn alone(x: CubeTensor) -> CubeTensor {
    let (rows, columns) = sizes(&x);
    let x = dense(x);
    CubeTensor { meta: Box::new(metadata([1, rows, columns], rows * columns)), ..x }
}

/// Matrices as a stack: where they stand, if they are one already.
pub fn stacked<const N: usize>(matrices: [CubeTensor; N]) -> CubeTensor {
    let matrices = matrices.map(dense);
    standing(&matrices).unwrap_or_else(|| {
        let (rows, columns) = sizes(&matrices[0]);
        let stack = stack_room(&matrices[0], N, [rows, columns], matrices[0].dtype);
        if matrices[0].dtype == DType::BF16 {
            copy::<bf16, N>(&matrices, &stack);
        } else {
            copy::<f32, N>(&matrices, &stack);
        }
        stack
    })
}

fn standing<const N: usize>(matrices: &[CubeTensor; N]) -> Option<CubeTensor> {
    let places = matrices.each_ref().map(|matrix| matrix.handle.clone().binding().claim_key());
    let (memory, first, _) = &places[0];
    let (rows, columns) = sizes(&matrices[0]);
    let pace = pace(rows, columns);
    let bytes = (pace * matrices[0].dtype.size()) as u64;
    let stands = |(index, (own, start, _)): (u64, &(_, u64, u64))| own == memory && *start == first + index * bytes;
    if !(0..).zip(&places).all(stands) {
        return None;
    }
    let mut stack = matrices[0].clone();
    stack.handle.offset_end = matrices[N - 1].handle.offset_end;
    stack.meta = Box::new(metadata([N, rows, columns], pace));
    Some(stack)
}

#[cube(launch)]
fn copy_each<E: Float>(
    matrices: &Sequence<OwnedTensor<E>>,
    stack: &mut Tensor<E>,
    size: usize,
    pace: usize,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    #[unroll]
    for index in 0..count {
        let matrix = matrices.index(index);
        let mut at = ABSOLUTE_POS;
        while at < size {
            stack[index * pace + at] = matrix[at];
            at += (CUBE_COUNT_X * units) as usize;
        }
    }
}

fn copy<E: Float, const N: usize>(matrices: &[CubeTensor; N], stack: &CubeTensor) {
    let (rows, columns) = sizes(&matrices[0]);
    let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
    copy_each::launch::<E>(
        &stack.client,
        strided(rows * columns),
        CubeDim::new_1d(UNITS),
        matrices.iter().map(arg).collect(),
        arg(stack),
        rows * columns,
        pace(rows, columns),
        N,
        UNITS,
    );
}

#[cube(launch)]
fn add_layers(
    stack: &Tensor<f32>,
    sum: &mut Tensor<f32>,
    size: usize,
    pace: usize,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    let mut at = ABSOLUTE_POS;
    while at < size {
        let mut all = stack[at];
        #[unroll]
        for index in 1..count {
            all += stack[index * pace + at];
        }
        sum[at] = all;
        at += (CUBE_COUNT_X * units) as usize;
    }
}

/// The sum of a stack's matrices, of f32.
pub fn sum_of_layers(stack: &CubeTensor) -> CubeTensor {
    let shape = stack.meta.shape().clone();
    let (count, rows, columns) = (shape[0], shape[1], shape[2]);
    let sum = room_for(stack, [rows, columns], DType::F32);
    let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
    add_layers::launch(
        &sum.client,
        strided(rows * columns),
        CubeDim::new_1d(UNITS),
        arg(stack),
        arg(&sum),
        rows * columns,
        pace(rows, columns),
        count,
        UNITS,
    );
    sum
}
