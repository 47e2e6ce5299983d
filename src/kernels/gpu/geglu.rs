//! [`Geglu`] on a GPU.

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::bias_gelu::{normal_cumulative, normal_density};
use super::tensors::{UNITS, dense, empty, sizes, strided};
use crate::kernels::Geglu;
use crate::kernels::operation::Kernel;

#[cube(launch)]
fn geglu(x: &Tensor<f32>, y: &mut Tensor<f32>, count: usize, d: usize, #[comptime] units: u32) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let first = at / d * 2 * d + at % d;
        let a = x[first];
        y[at] = a * normal_cumulative(a) * x[first + d];
        at += (CUBE_COUNT_X * units) as usize;
    }
}

#[cube(launch)]
fn geglu_backward(
    x: &Tensor<f32>,
    gradient: &Tensor<f32>,
    of_x: &mut Tensor<f32>,
    count: usize,
    d: usize,
    #[comptime] units: u32,
) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let first = at / d * 2 * d + at % d;
        let a = x[first];
        let cumulative = normal_cumulative(a);
        of_x[first] = gradient[at] * x[first + d] * (cumulative + a * normal_density(a));
        of_x[first + d] = gradient[at] * a * cumulative;
        at += (CUBE_COUNT_X * units) as usize;
    }
}

impl Kernel<Cube, 1> for Geglu {
    type Saved = CubeTensor;

    fn forward(self, [x]: [CubeTensor; 1]) -> (CubeTensor, Self::Saved) {
        let x = dense(x);
        let (rows, d) = (sizes(&x).0, sizes(&x).1 / 2);
        let y = empty(&x, [rows, d]);
        let (from, to) = (x.clone().into_tensor_arg(), y.clone().into_tensor_arg());
        geglu::launch(&y.client, strided(rows * d), CubeDim::new_1d(UNITS), from, to, rows * d, d, UNITS);
        (y, x)
    }

    fn backward(x: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 1] {
        let gradient = dense(gradient);
        let (rows, d) = sizes(&gradient);
        let of_x = empty(&gradient, [rows, 2 * d]);
        geglu_backward::launch(
            &of_x.client,
            strided(rows * d),
            CubeDim::new_1d(UNITS),
            x.into_tensor_arg(),
            gradient.into_tensor_arg(),
            of_x.clone().into_tensor_arg(),
            rows * d,
            d,
            UNITS,
        );
        [of_x]
    }
}
