//! [`NormDropout`] and [`DropoutAddNorm`] on the CPU.

use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::zeros;
use super::dropout::{RowDropout, drop_rows};
use super::reduce::{ROWS, fold, sum};
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{DropoutAddNorm, NormDropout, Queries};

/// What the backward pass needs from the forward pass.
#[derive(Clone, Debug, Default)]
pub struct SavedNorm {
    /// ĥ, `[rows, d]`.
    pub normal: Vec<f32>,
    /// r, `[rows]`.
    pub inverse: Vec<f32>,
}

/// Gradients of the operands, except for the residual, whose gradient replaces dL/dy in place.
#[derive(Clone, Debug)]
pub struct NormGradients {
    /// dL/dx, `[rows, d]`.
    pub x: Vec<f32>,
    /// dL/dbias, `[d]`.
    pub bias: Vec<f32>,
    /// dL/dscale, `[d]`.
    pub scale: Vec<f32>,
    /// dL/dshift, `[d]`.
    pub shift: Vec<f32>,
}

vectorized! {
    fn forward_rows(
        x: &[f32], bias: &[f32], residual: &[f32], norm: (&[f32], &[f32], f32), dropout: Option<RowDropout<'_>>, first: usize,
        y: &mut [f32], normal: &mut [f32], inverse: &mut [f32],
    ) {
        let (scale, shift, epsilon) = norm;
        let d = bias.len();
        let mut factors = vec![1.0_f32; d];
        for (row, inverse) in inverse.iter_mut().enumerate() {
            let at = row * d..(row + 1) * d;
            let (x, residual, normal, y) = (&x[at.clone()], &residual[at.clone()], &mut normal[at.clone()], &mut y[at]);
            if let Some(dropout) = &dropout {
                dropout.fill(first + row, &mut factors);
            }
            for (((h, x), (bias, residual)), factor) in normal.iter_mut().zip(x).zip(bias.iter().zip(residual)).zip(&factors) {
                *h = (x + bias) * factor + residual;
            }
            let mean = sum(normal.iter().copied()) / d as f32;
            let variance = sum(normal.iter().map(|h| (h - mean) * (h - mean))) / d as f32;
            *inverse = 1.0 / (variance + epsilon).sqrt();
            for ((h, y), (scale, shift)) in normal.iter_mut().zip(y).zip(scale.iter().zip(shift)) {
                *h = (*h - mean) * *inverse;
                *y = *h * scale + shift;
            }
        }
    }
}

vectorized! {
    fn backward_rows(
        gradient: &mut [f32], normal: &[f32], inverse: &[f32], scale: &[f32], dropout: Option<RowDropout<'_>>, first: usize, x: &mut [f32],
    ) -> Vec<f32> {
        let d = scale.len();
        let mut factors = vec![1.0_f32; d];
        let mut sums = vec![0.0_f32; 3 * d];
        let (bias_sums, rest) = sums.split_at_mut(d);
        let (scale_sums, shift_sums) = rest.split_at_mut(d);
        for (row, inverse) in inverse.iter().enumerate() {
            let at = row * d..(row + 1) * d;
            let (gradient, normal, x) = (&mut gradient[at.clone()], &normal[at.clone()], &mut x[at]);
            for ((gradient, h), (scale_sum, shift_sum)) in gradient.iter().zip(normal).zip(scale_sums.iter_mut().zip(shift_sums.iter_mut())) {
                *scale_sum += gradient * h;
                *shift_sum += gradient;
            }
            for (gradient, scale) in gradient.iter_mut().zip(scale) {
                *gradient *= scale;
            }
            let mean = sum(gradient.iter().copied()) / d as f32;
            let along = sum(gradient.iter().zip(normal).map(|(gradient, h)| gradient * h)) / d as f32;
            if let Some(dropout) = &dropout {
                dropout.fill(first + row, &mut factors);
            }
            for (((gradient, h), (x, factor)), bias_sum) in
                gradient.iter_mut().zip(normal).zip(x.iter_mut().zip(&factors)).zip(bias_sums.iter_mut())
            {
                *gradient = (*gradient - mean - h * along) * inverse;
                *x = *gradient * factor;
                *bias_sum += *x;
            }
        }
        sums
    }
}

/// Returns y `[rows, d]`, and what the backward pass needs.
pub fn forward(
    x: &[f32],
    bias: &[f32],
    residual: &[f32],
    norm: (&[f32], &[f32], f32),
    dropout: Option<RowDropout<'_>>,
) -> (Vec<f32>, SavedNorm) {
    let d = bias.len();
    let rows = x.len() / d;
    let (mut y, mut normal, mut inverse) = (zeros(x.len()), zeros(x.len()), zeros(rows));
    let chunk = ROWS * d;
    let parts = y.par_chunks_mut(chunk).zip(normal.par_chunks_mut(chunk)).zip(inverse.par_chunks_mut(ROWS));
    let inputs = x.par_chunks(chunk).zip(residual.par_chunks(chunk));
    parts.zip(inputs).enumerate().for_each(|(part, (((y, normal), inverse), (x, residual)))| {
        forward_rows(x, bias, residual, norm, dropout, part * ROWS, y, normal, inverse);
    });
    (y, SavedNorm { normal, inverse })
}

/// Replaces dL/dy with dL/dresidual, and returns the other gradients.
pub fn backward(gradient: &mut [f32], saved: &SavedNorm, scale: &[f32], dropout: Option<RowDropout<'_>>) -> NormGradients {
    let d = scale.len();
    let chunk = ROWS * d;
    let mut x = zeros(gradient.len());
    let parts = gradient.par_chunks_mut(chunk).zip(x.par_chunks_mut(chunk));
    let inputs = saved.normal.par_chunks(chunk).zip(saved.inverse.par_chunks(ROWS));
    let sums: Vec<Vec<f32>> = parts
        .zip(inputs)
        .enumerate()
        .map(|(part, ((gradient, x), (normal, inverse)))| {
            backward_rows(gradient, normal, inverse, scale, dropout, part * ROWS, x)
        })
        .collect();
    let sums = fold(&sums, 3 * d);
    NormGradients { x, bias: sums[..d].to_vec(), scale: sums[d..2 * d].to_vec(), shift: sums[2 * d..].to_vec() }
}

impl Kernel<Flex, 3> for NormDropout {
    /// The norm's saved values, its scale, and the options.
    type Saved = (Arc<SavedNorm>, FlexTensor, Self);

    /// Like [`DropoutAddNorm`] with zero bias and residual, and dropout after the norm.
    fn forward(self, operands: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, scale, shift] = operands.map(dense);
        let norm = (numbers(&scale), numbers(&shift), self.epsilon as f32);
        let (bias, residual) = (zeros(shape(&scale)[0]), zeros(numbers(&x).len()));
        let (mut y, saved) = forward(numbers(&x), &bias, &residual, norm, None);
        drop_rows(&mut y, bias.len(), self.rows());
        (tensor(y, shape(&x)), (Arc::new(saved), scale, self))
    }

    fn backward((saved, scale, options): Self::Saved, gradient: FlexTensor) -> [FlexTensor; 3] {
        let (mut gradient, d) = (dense(gradient), shape(&scale));
        drop_rows(gradient.storage_mut(), d[0], options.rows());
        let gradients = backward(gradient.storage_mut(), &saved, numbers(&scale), None);
        [gradient, tensor(gradients.scale, d.clone()), tensor(gradients.shift, d)]
    }
}

impl NormDropout {
    fn rows(&self) -> Option<RowDropout<'_>> {
        self.dropout.as_ref().map(|mask| RowDropout { mask, rows: None })
    }
}

impl Kernel<Flex, 5> for DropoutAddNorm {
    /// The norm's saved values, its scale, and the options.
    type Saved = (Arc<SavedNorm>, FlexTensor, Self);

    fn forward(self, operands: [FlexTensor; 5]) -> (FlexTensor, Self::Saved) {
        let [x, bias, residual, scale, shift] = operands.map(dense);
        let norm = (numbers(&scale), numbers(&shift), self.epsilon as f32);
        let (y, saved) = forward(numbers(&x), numbers(&bias), numbers(&residual), norm, self.rows());
        (tensor(y, shape(&x)), (Arc::new(saved), scale, self))
    }

    fn backward((saved, scale, options): Self::Saved, gradient: FlexTensor) -> [FlexTensor; 5] {
        let mut gradient = dense(gradient);
        let (rows, d) = (shape(&gradient), shape(&scale));
        let gradients = backward(gradient.storage_mut(), &saved, numbers(&scale), options.rows());
        let vector = |values: Vec<f32>| tensor(values, d.clone());
        [tensor(gradients.x, rows), vector(gradients.bias), gradient, vector(gradients.scale), vector(gradients.shift)]
    }
}

impl DropoutAddNorm {
    fn rows(&self) -> Option<RowDropout<'_>> {
        let rows = (self.queries == Queries::First).then_some(&*self.batch.first_rows);
        self.dropout.as_ref().map(|mask| RowDropout { mask, rows })
    }
}
