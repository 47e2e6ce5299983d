//! [`BiasGelu`] on a GPU.

// CubeCL's erf: its macro knows it only by this name.
#![allow(unstable_name_collisions)]

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use super::matmul::factor_type;
use super::reduce::column_sums;
use super::tensors::{UNITS, dense, empty_of, sizes, strided};
use crate::architecture::Gelu;
use crate::kernels::operation::Kernel;
use crate::kernels::{BiasGelu, MatmulPrecision};

/// 1 / √2
const ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// 1 / √(2π)
const DENSITY: f32 = 0.398_942_3;

#[cube(launch)]
fn bias_gelu<E: Float>(x: &Tensor<f32>, bias: &Tensor<f32>, y: &mut Tensor<E>, count: usize, d: usize, #[comptime] units: u32) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let z = x[at] + bias[at % d];
        y[at] = E::cast_from(z * 0.5f32 * (1.0f32 + f32::erf(z * ROOT)));
        at += (CUBE_COUNT_X * units) as usize;
    }
}

#[cube(launch)]
fn bias_gelu_backward<E: Float>(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    gradient: &Tensor<f32>,
    of_x: &mut Tensor<E>,
    count: usize,
    d: usize,
    #[comptime] units: u32,
) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let z = x[at] + bias[at % d];
        let cumulative = 0.5f32 * (1.0f32 + f32::erf(z * ROOT));
        of_x[at] = E::cast_from(gradient[at] * (cumulative + z * DENSITY * f32::exp(-0.5f32 * z * z)));
        at += (CUBE_COUNT_X * units) as usize;
    }
}

impl Kernel<Cube, 2> for BiasGelu {
    type Saved = ([CubeTensor; 2], MatmulPrecision);

    fn forward(self, operands: [CubeTensor; 2]) -> (CubeTensor, Self::Saved) {
        // The encoder's operations compute the other one by reference.
        debug_assert!(self.gelu == Gelu::Exact);
        let precision = self.precision;
        let [x, bias] = operands.map(dense);
        let (rows, d) = sizes(&x);
        let y = empty_of(&x, [rows, d], factor_type(precision));
        let launch = if precision == MatmulPrecision::Bf16 { bias_gelu::launch::<bf16> } else { bias_gelu::launch::<f32> };
        launch(
            &y.client,
            strided(rows * d),
            CubeDim::new_1d(UNITS),
            x.clone().into_tensor_arg(),
            bias.clone().into_tensor_arg(),
            y.clone().into_tensor_arg(),
            rows * d,
            d,
            UNITS,
        );
        (y, ([x, bias], precision))
    }

    fn backward(([x, bias], precision): Self::Saved, gradient: CubeTensor) -> [CubeTensor; 2] {
        let gradient = dense(gradient);
        let (rows, d) = sizes(&x);
        let of_x = empty_of(&x, [rows, d], factor_type(precision));
        let launch = if precision == MatmulPrecision::Bf16 {
            bias_gelu_backward::launch::<bf16>
        } else {
            bias_gelu_backward::launch::<f32>
        };
        launch(
            &of_x.client,
            strided(rows * d),
            CubeDim::new_1d(UNITS),
            x.into_tensor_arg(),
            bias.into_tensor_arg(),
            gradient.into_tensor_arg(),
            of_x.clone().into_tensor_arg(),
            rows * d,
            d,
            UNITS,
        );
        let [of_bias] = column_sums(&[], &[&of_x]);
        [of_x, of_bias]
    }
}
