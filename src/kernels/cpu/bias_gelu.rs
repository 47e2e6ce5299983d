//! [`BiasGelu`] on the CPU.

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::zeros;
use super::elementary::{erf, exp};
use super::reduce::{ROWS, column_sums};
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape, tensor};
use crate::architecture::Gelu;
use crate::kernels::BiasGelu;
use crate::kernels::operation::Kernel;

/// 1 / √(2π)
const DENSITY: f32 = 0.398_942_3;

vectorized! {
    fn forward_rows(x: &[f32], bias: &[f32], y: &mut [f32]) {
        let d = bias.len();
        for (x, y) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)) {
            for ((x, bias), y) in x.iter().zip(bias).zip(y) {
                let z = x + bias;
                *y = z * 0.5 * (1.0 + erf(z * std::f32::consts::FRAC_1_SQRT_2));
            }
        }
    }
}

vectorized! {
    fn backward_rows(x: &[f32], bias: &[f32], gradient: &mut [f32]) {
        let d = bias.len();
        for (x, gradient) in x.chunks_exact(d).zip(gradient.chunks_exact_mut(d)) {
            for ((x, bias), gradient) in x.iter().zip(bias).zip(gradient) {
                let z = x + bias;
                let cumulative = 0.5 * (1.0 + erf(z * std::f32::consts::FRAC_1_SQRT_2));
                *gradient *= cumulative + z * DENSITY * exp(-0.5 * z * z);
            }
        }
    }
}

/// √(2/π)
const TANH_SCALE: f32 = 0.797_884_6;
/// The weight of the cube.
const CUBE: f32 = 0.044_715;

vectorized! {
    fn forward_rows_by_tanh(x: &[f32], bias: &[f32], y: &mut [f32]) {
        let d = bias.len();
        for (x, y) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)) {
            for ((x, bias), y) in x.iter().zip(bias).zip(y) {
                let z = x + bias;
                *y = z / (1.0 + exp(-2.0 * TANH_SCALE * (z + CUBE * z * z * z)));
            }
        }
    }
}

vectorized! {
    fn backward_rows_by_tanh(x: &[f32], bias: &[f32], gradient: &mut [f32]) {
        let d = bias.len();
        for (x, gradient) in x.chunks_exact(d).zip(gradient.chunks_exact_mut(d)) {
            for ((x, bias), gradient) in x.iter().zip(bias).zip(gradient) {
                let z = x + bias;
                let power = exp(-2.0 * TANH_SCALE * (z + CUBE * z * z * z));
                let sigmoid = 1.0 / (1.0 + power);
                // 1 - σ, without the loss of digits near σ = 1.
                let rest = power * sigmoid;
                *gradient *= sigmoid + z * sigmoid * rest * 2.0 * TANH_SCALE * (1.0 + 3.0 * CUBE * z * z);
            }
        }
    }
}

/// Returns y from x `[rows, d]` and bias `[d]`.
pub fn forward(gelu: Gelu, x: &[f32], bias: &[f32]) -> Vec<f32> {
    let rows = match gelu {
        Gelu::Exact => forward_rows,
        Gelu::Tanh => forward_rows_by_tanh,
    };
    let mut y = zeros(x.len());
    let chunk = ROWS * bias.len();
    y.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(y, x)| rows(x, bias, y));
    y
}

/// Replaces dL/dy with dL/dx, where dy/dz = Φ(z) + z · φ(z), or by tanh σ(2u) (1 + z σ(-2u) 2u'), and returns dL/dbias.
pub fn backward(gelu: Gelu, x: &[f32], bias: &[f32], gradient: &mut [f32]) -> Vec<f32> {
    let rows = match gelu {
        Gelu::Exact => backward_rows,
        Gelu::Tanh => backward_rows_by_tanh,
    };
    let chunk = ROWS * bias.len();
    gradient.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(gradient, x)| rows(x, bias, gradient));
    column_sums(gradient, bias.len())
}

impl Kernel<Flex, 2> for BiasGelu {
    type Saved = ([FlexTensor; 2], Gelu);

    fn forward(self, operands: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let [x, bias] = operands.map(dense);
        (tensor(forward(self.gelu, numbers(&x), numbers(&bias)), shape(&x)), ([x, bias], self.gelu))
    }

    fn backward(([x, bias], gelu): Self::Saved, gradient: FlexTensor) -> [FlexTensor; 2] {
        let mut gradient = dense(gradient);
        let of_bias = tensor(backward(gelu, numbers(&x), numbers(&bias), gradient.storage_mut()), shape(&bias));
        [gradient, of_bias]
    }
}
