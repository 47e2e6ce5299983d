//! What closes a block: y = LayerNorm(dropout(x + bias) + residual).
//!
//! LayerNorm(h) = ĥ · scale + shift, ĥ = (h - mean) · r, r = 1 / √(variance + epsilon), the variance a population's
//! (Ba, Kiros and Hinton 2016).

use rayon::prelude::*;

use super::buffer::zeros;
use super::reduce::{ROWS, fold, sum};
use super::simd::vectorized;
use crate::kernels::mask::Drop;

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// ĥ, `[rows, d]`.
    pub normal: Vec<f32>,
    /// r, `[rows]`.
    pub inverse: Vec<f32>,
}

/// Gradients of the operands, but for that of the residual, which is returned in place of dL/dy.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// dL/dx, `[rows, d]`.
    pub x: Vec<f32>,
    /// dL/dbias, `[d]`.
    pub bias: Vec<f32>,
    /// dL/dscale, `[d]`.
    pub scale: Vec<f32>,
    /// dL/dshift, `[d]`.
    pub shift: Vec<f32>,
}

/// The dropout of some rows: which rows of the batch they are, where they are not all of them.
#[derive(Clone, Copy, Debug)]
pub struct RowDrop<'a> {
    /// The dropout.
    pub drop: &'a Drop,
    /// Rows of the batch.
    pub rows: Option<&'a [u32]>,
}

impl RowDrop<'_> {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn fill(&self, row: usize, factors: &mut [f32]) {
        self.drop.hidden_row(self.rows.map_or(row, |rows| rows[row] as usize), factors);
    }
}

vectorized! {
    fn forward_rows(
        x: &[f32], bias: &[f32], residual: &[f32], norm: (&[f32], &[f32], f32), drop: Option<RowDrop<'_>>, first: usize,
        y: &mut [f32], normal: &mut [f32], inverse: &mut [f32],
    ) {
        let (scale, shift, epsilon) = norm;
        let d = bias.len();
        let mut factors = vec![1.0_f32; d];
        for (row, inverse) in inverse.iter_mut().enumerate() {
            let at = row * d..(row + 1) * d;
            let (x, residual, normal, y) = (&x[at.clone()], &residual[at.clone()], &mut normal[at.clone()], &mut y[at]);
            if let Some(drop) = &drop {
                drop.fill(first + row, &mut factors);
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
        gradient: &mut [f32], normal: &[f32], inverse: &[f32], scale: &[f32], drop: Option<RowDrop<'_>>, first: usize, x: &mut [f32],
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
            if let Some(drop) = &drop {
                drop.fill(first + row, &mut factors);
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

/// y `[rows, d]`, and what the backward pass needs.
pub fn forward(
    x: &[f32],
    bias: &[f32],
    residual: &[f32],
    norm: (&[f32], &[f32], f32),
    drop: Option<RowDrop<'_>>,
) -> (Vec<f32>, Saved) {
    let d = bias.len();
    let rows = x.len() / d;
    let (mut y, mut normal, mut inverse) = (zeros(x.len()), zeros(x.len()), zeros(rows));
    let chunk = ROWS * d;
    let parts = y.par_chunks_mut(chunk).zip(normal.par_chunks_mut(chunk)).zip(inverse.par_chunks_mut(ROWS));
    let inputs = x.par_chunks(chunk).zip(residual.par_chunks(chunk));
    parts.zip(inputs).enumerate().for_each(|(part, (((y, normal), inverse), (x, residual)))| {
        forward_rows(x, bias, residual, norm, drop, part * ROWS, y, normal, inverse);
    });
    (y, Saved { normal, inverse })
}

/// Turns dL/dy into dL/dresidual, and gives the other gradients.
pub fn backward(gradient: &mut [f32], saved: &Saved, scale: &[f32], drop: Option<RowDrop<'_>>) -> Gradients {
    let d = scale.len();
    let chunk = ROWS * d;
    let mut x = zeros(gradient.len());
    let parts = gradient.par_chunks_mut(chunk).zip(x.par_chunks_mut(chunk));
    let inputs = saved.normal.par_chunks(chunk).zip(saved.inverse.par_chunks(ROWS));
    let sums: Vec<Vec<f32>> = parts
        .zip(inputs)
        .enumerate()
        .map(|(part, ((gradient, x), (normal, inverse)))| backward_rows(gradient, normal, inverse, scale, drop, part * ROWS, x))
        .collect();
    let sums = fold(&sums, 3 * d);
    Gradients { x, bias: sums[..d].to_vec(), scale: sums[d..2 * d].to_vec(), shift: sums[2 * d..].to_vec() }
}

/// Multiplies rows of width `d` with their dropout's factors.
pub fn drop_rows(x: &mut [f32], d: usize, drop: Option<RowDrop<'_>>) {
    vectorized! {
        fn part(x: &mut [f32], d: usize, drop: RowDrop<'_>, first: usize) {
            let mut factors = vec![1.0_f32; d];
            for (row, x) in x.chunks_exact_mut(d).enumerate() {
                drop.fill(first + row, &mut factors);
                for (x, factor) in x.iter_mut().zip(&factors) {
                    *x *= factor;
                }
            }
        }
    }
    if let Some(drop) = drop {
        x.par_chunks_mut(ROWS * d).enumerate().for_each(|(index, x)| part(x, d, drop, index * ROWS));
    }
}
