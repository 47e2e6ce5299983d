//! [`Geglu`] on the CPU.

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::zeros;
use super::elementary::{erf, exp};
use super::reduce::ROWS;
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape, tensor};
use crate::kernels::Geglu;
use crate::kernels::operation::Kernel;

/// 1 / √(2π)
const DENSITY: f32 = 0.398_942_3;

vectorized! {
    fn forward_rows(x: &[f32], y: &mut [f32], d: usize) {
        for (x, y) in x.chunks_exact(2 * d).zip(y.chunks_exact_mut(d)) {
            let (a, b) = x.split_at(d);
            for ((a, b), y) in a.iter().zip(b).zip(y) {
                *y = a * 0.5 * (1.0 + erf(a * std::f32::consts::FRAC_1_SQRT_2)) * b;
            }
        }
    }
}

vectorized! {
    fn backward_rows(x: &[f32], gradient: &[f32], of_x: &mut [f32], d: usize) {
        for ((x, gradient), of_x) in x.chunks_exact(2 * d).zip(gradient.chunks_exact(d)).zip(of_x.chunks_exact_mut(2 * d)) {
            let ((a, b), (of_a, of_b)) = (x.split_at(d), of_x.split_at_mut(d));
            for (((a, b), gradient), (of_a, of_b)) in a.iter().zip(b).zip(gradient).zip(of_a.iter_mut().zip(of_b)) {
                let cumulative = 0.5 * (1.0 + erf(a * std::f32::consts::FRAC_1_SQRT_2));
                *of_a = gradient * b * (cumulative + a * DENSITY * exp(-0.5 * a * a));
                *of_b = gradient * a * cumulative;
            }
        }
    }
}

impl Kernel<Flex, 1> for Geglu {
    type Saved = FlexTensor;

    fn forward(self, [x]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        let x = dense(x);
        let (rows, d) = (shape(&x)[0], shape(&x)[1] / 2);
        let mut y = zeros(rows * d);
        let parts = y.par_chunks_mut(ROWS * d).zip(numbers(&x).par_chunks(2 * ROWS * d));
        parts.for_each(|(y, x)| forward_rows(x, y, d));
        (tensor(y, [rows, d]), x)
    }

    fn backward(x: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 1] {
        let (gradient, d) = (dense(gradient), shape(&x)[1] / 2);
        let mut of_x = zeros(numbers(&x).len());
        let parts = of_x.par_chunks_mut(2 * ROWS * d).zip(numbers(&x).par_chunks(2 * ROWS * d));
        let parts = parts.zip(numbers(&gradient).par_chunks(ROWS * d));
        parts.for_each(|((of_x, x), gradient)| backward_rows(x, gradient, of_x, d));
        [tensor(of_x, shape(&x))]
    }
}
