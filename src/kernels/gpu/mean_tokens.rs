//! [`MeanTokens`] on a GPU.

use std::sync::Arc;

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::attention::FIELDS;
use super::reduce::{AT_ONCE, plus};
use super::tensors::{UNITS, dense, empty, sizes, strided};
use crate::kernels::operation::Kernel;
use crate::kernels::{MeanTokens, ResidentBatch};

/// Each unit adds up one column of an example's rows.
#[cube(launch)]
fn mean_rows(x: &Tensor<f32>, offsets: &Tensor<u32>, y: &mut Tensor<f32>, d: usize) {
    let example = CUBE_POS_X as usize;
    let column = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    if column < d {
        let first = offsets[example] as usize;
        let end = offsets[example + 1] as usize;
        let mut sum = 0.0f32;
        let mut row = first;
        while row < end {
            let mut read = Array::<f32>::new(AT_ONCE);
            #[unroll]
            for index in 0..AT_ONCE {
                read[index] = 0.0f32;
                if row + index < end {
                    read[index] = x[(row + index) * d + column];
                }
            }
            sum = plus(sum, &read);
            row += AT_ONCE;
        }
        y[example * d + column] = sum / f32::cast_from(end - first);
    }
}

/// `places` holds each row's example and its number of rows, which is 0 for a row of padding.
#[cube(launch)]
fn spread_rows(
    gradient: &Tensor<f32>,
    places: &Tensor<u32>,
    of_x: &mut Tensor<f32>,
    count: usize,
    d: usize,
    #[comptime] units: u32,
) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let place = at / d * FIELDS;
        let rows = places[place + 1];
        let mut value = 0.0f32;
        if rows > 0 {
            value = gradient[places[place] as usize * d + at % d] / f32::cast_from(rows);
        }
        of_x[at] = value;
        at += (CUBE_COUNT_X * units) as usize;
    }
}

impl Kernel<Cube, 1> for MeanTokens {
    /// The batch, and the number of rows of x.
    type Saved = (Arc<ResidentBatch>, usize);

    fn forward(self, [x]: [CubeTensor; 1]) -> (CubeTensor, Self::Saved) {
        let x = dense(x);
        let ((rows, d), tables) = (sizes(&x), self.batch.tables(&x));
        let y = empty(&x, [tables.shape.examples, d]);
        mean_rows::launch(
            &y.client,
            CubeCount::Static(tables.shape.examples as u32, d.div_ceil(UNITS as usize) as u32, 1),
            CubeDim::new_1d(UNITS),
            x.into_tensor_arg(),
            tables.offsets.clone().into_tensor_arg(),
            y.clone().into_tensor_arg(),
            d,
        );
        (y, (self.batch, rows))
    }

    fn backward((batch, rows): Self::Saved, gradient: CubeTensor) -> [CubeTensor; 1] {
        let gradient = dense(gradient);
        let (d, tables) = (sizes(&gradient).1, batch.tables(&gradient));
        let of_x = empty(&gradient, [rows, d]);
        spread_rows::launch(
            &of_x.client,
            strided(rows * d),
            CubeDim::new_1d(UNITS),
            gradient.into_tensor_arg(),
            tables.first_keys.clone().into_tensor_arg(),
            of_x.clone().into_tensor_arg(),
            rows * d,
            d,
            UNITS,
        );
        [of_x]
    }
}
