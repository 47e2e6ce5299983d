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

/// √(2/π)
const TANH_SCALE: f32 = 0.797_884_6;
const TANH_CUBE: f32 = 0.044_715;
/// 1 / √2
const ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// 1 / √(2π)
const DENSITY: f32 = 0.398_942_3;

/// The distribution function of the standard normal distribution.
#[cube]
pub fn normal_cumulative(z: f32) -> f32 {
    0.5f32 * (1.0f32 + f32::erf(z * ROOT))
}

/// Its density.
#[cube]
pub fn normal_density(z: f32) -> f32 {
    DENSITY * f32::exp(-0.5f32 * z * z)
}

/// What the approximation by tanh multiplies z by: σ(2u).
#[cube]
fn tanh_cumulative(z: f32) -> f32 {
    let u = TANH_SCALE * (z + TANH_CUBE * z * z * z);
    1.0f32 / (1.0f32 + f32::exp(-2.0f32 * u))
}

#[cube(launch)]
fn bias_gelu<E: Float>(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    y: &mut Tensor<E>,
    count: usize,
    d: usize,
    #[comptime] units: u32,
    #[comptime] by_tanh: bool,
) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let z = x[at] + bias[at % d];
        if by_tanh {
            y[at] = E::cast_from(z * tanh_cumulative(z));
        } else {
            y[at] = E::cast_from(z * 0.5f32 * (1.0f32 + f32::erf(z * ROOT)));
        }
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
    #[comptime] by_tanh: bool,
) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let z = x[at] + bias[at % d];
        if by_tanh {
            let cumulative = tanh_cumulative(z);
            let slope = 2.0f32 * TANH_SCALE * (1.0f32 + 3.0f32 * TANH_CUBE * z * z);
            of_x[at] = E::cast_from(gradient[at] * cumulative * (1.0f32 + z * slope * (1.0f32 - cumulative)));
        } else {
            of_x[at] = E::cast_from(gradient[at] * (normal_cumulative(z) + z * normal_density(z)));
        }
        at += (CUBE_COUNT_X * units) as usize;
    }
}

impl Kernel<Cube, 2> for BiasGelu {
    type Saved = ([CubeTensor; 2], Self);

    fn forward(self, operands: [CubeTensor; 2]) -> (CubeTensor, Self::Saved) {
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
            self.gelu == Gelu::Tanh,
        );
        (y, ([x, bias], self))
    }

    fn backward(([x, bias], Self { gelu, precision }): Self::Saved, gradient: CubeTensor) -> [CubeTensor; 2] {
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
            gelu == Gelu::Tanh,
        );
        let [of_bias] = column_sums(&[], &[&of_x]);
        [of_x, of_bias]
    }
}
