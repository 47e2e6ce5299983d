//! Bias and the exact GELU: y = z · Φ(z), z = x + bias.

// CubeCL's erf, which its macro knows by this name alone.
#![allow(unstable_name_collisions)]

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use super::product::factors;
use super::reduce::column_sums;
use super::tensors::{UNITS, dense, room_for, sizes, strided};
use crate::kernels::operations::Products;

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

/// y from x `[rows, d]` and bias `[d]`.
pub fn forward([x, bias]: [CubeTensor; 2], products: Products) -> CubeTensor {
    let [x, bias] = [x, bias].map(dense);
    let (rows, d) = sizes(&x);
    let y = room_for(&x, [rows, d], factors(products));
    let launch = if products == Products::Bf16 { bias_gelu::launch::<bf16> } else { bias_gelu::launch::<f32> };
    launch(
        &y.client,
        strided(rows * d),
        CubeDim::new_1d(UNITS),
        x.into_tensor_arg(),
        bias.into_tensor_arg(),
        y.clone().into_tensor_arg(),
        rows * d,
        d,
        UNITS,
    );
    y
}

/// dL/dx and dL/dbias from dL/dy.
pub fn backward([x, bias]: [CubeTensor; 2], products: Products, gradient: CubeTensor) -> [CubeTensor; 2] {
    let [x, bias, gradient] = [x, bias, gradient].map(dense);
    let (rows, d) = sizes(&x);
    let of_x = room_for(&x, [rows, d], factors(products));
    let launch = if products == Products::Bf16 { bias_gelu_backward::launch::<bf16> } else { bias_gelu_backward::launch::<f32> };
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
