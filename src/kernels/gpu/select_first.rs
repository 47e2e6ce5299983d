//! [`SelectFirst`] on a GPU.

use std::sync::Arc;

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensors::{UNITS, dense, empty, sizes};
use crate::kernels::operation::Kernel;
use crate::kernels::{ResidentBatch, SelectFirst};

#[cube(launch)]
fn select_rows(x: &Tensor<f32>, first_rows: &Tensor<u32>, y: &mut Tensor<f32>, d: usize) {
    let example = CUBE_POS_X as usize;
    let start = first_rows[example] as usize * d;
    let mut column = UNIT_POS_X as usize;
    while column < d {
        y[example * d + column] = x[start + column];
        column += CUBE_DIM_X as usize;
    }
}

/// Each row compares itself to the first row of every example, of which there are few.
#[cube(launch)]
fn scatter_rows(gradient: &Tensor<f32>, first_rows: &Tensor<u32>, of_x: &mut Tensor<f32>, examples: usize, d: usize) {
    let row = CUBE_POS_X;
    let mut of = examples;
    for example in 0..examples {
        if first_rows[example] == row {
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

impl Kernel<Cube, 1> for SelectFirst {
    /// The batch, and the number of rows of x.
    type Saved = (Arc<ResidentBatch>, usize);

    fn forward(self, [x]: [CubeTensor; 1]) -> (CubeTensor, Self::Saved) {
        let x = dense(x);
        let ((rows, d), tables) = (sizes(&x), self.batch.tables(&x));
        let y = empty(&x, [tables.shape.examples, d]);
        select_rows::launch(
            &y.client,
            CubeCount::Static(tables.shape.examples as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            x.into_tensor_arg(),
            tables.first_rows.clone().into_tensor_arg(),
            y.clone().into_tensor_arg(),
            d,
        );
        (y, (self.batch, rows))
    }

    fn backward((batch, rows): Self::Saved, gradient: CubeTensor) -> [CubeTensor; 1] {
        let gradient = dense(gradient);
        let (d, tables) = (sizes(&gradient).1, batch.tables(&gradient));
        let of_x = empty(&gradient, [rows, d]);
        scatter_rows::launch(
            &of_x.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            gradient.into_tensor_arg(),
            tables.first_rows.clone().into_tensor_arg(),
            of_x.clone().into_tensor_arg(),
            tables.shape.examples,
            d,
        );
        [of_x]
    }
}
