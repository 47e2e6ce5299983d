//! The rows of each example's first token.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensors::{UNITS, dense, room, sizes};
use crate::kernels::Rows;

#[cube(launch)]
fn take(x: &Tensor<f32>, firsts: &Tensor<u32>, y: &mut Tensor<f32>, d: usize) {
    let example = CUBE_POS_X as usize;
    let start = firsts[example] as usize * d;
    let mut column = UNIT_POS_X as usize;
    while column < d {
        y[example * d + column] = x[start + column];
        column += CUBE_DIM_X as usize;
    }
}

/// Where examples are few, each row asks them all whether it is one's first.
#[cube(launch)]
fn put(gradient: &Tensor<f32>, firsts: &Tensor<u32>, of_x: &mut Tensor<f32>, examples: usize, d: usize) {
    let row = CUBE_POS_X;
    let mut of = examples;
    for example in 0..examples {
        if firsts[example] == row {
            of = example;
        }
    }
    let mut column = UNIT_POS_X as usize;
    while column < d {
        let mut value = 0.0f32;
        if of < examples {
            value = gradient[of * d + column];
        }
        of_x[row as usize * d + column] = value;
        column += CUBE_DIM_X as usize;
    }
}

/// `[examples, d]` from `[rows, d]`.
pub fn forward(x: CubeTensor, rows: &Rows) -> CubeTensor {
    let x = dense(x);
    let (d, tables) = (sizes(&x).1, rows.tables(&x));
    let y = room(&x, [tables.shape.examples, d]);
    take::launch(
        &y.client,
        CubeCount::Static(tables.shape.examples as u32, 1, 1),
        CubeDim::new_1d(UNITS),
        x.into_tensor_arg(),
        tables.firsts.clone().into_tensor_arg(),
        y.clone().into_tensor_arg(),
        d,
    );
    y
}

/// The gradient, zero but for these rows.
pub fn backward(gradient: CubeTensor, rows: &Rows, count: usize) -> CubeTensor {
    let gradient = dense(gradient);
    let (d, tables) = (sizes(&gradient).1, rows.tables(&gradient));
    let of_x = room(&gradient, [count, d]);
    put::launch(
        &of_x.client,
        CubeCount::Static(count as u32, 1, 1),
        CubeDim::new_1d(UNITS),
        gradient.into_tensor_arg(),
        tables.firsts.clone().into_tensor_arg(),
        of_x.clone().into_tensor_arg(),
        tables.shape.examples,
        d,
    );
    of_x
}
