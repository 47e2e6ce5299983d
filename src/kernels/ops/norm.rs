//! Layer normalization fused with the operations around it.
//!
//! LayerNorm(h) = ĥ · scale + shift, ĥ = (h - mean) · r, r = 1 / √(variance + epsilon), with the population variance (Ba,
//! Kiros and Hinton 2016).

use std::sync::Arc;

use super::attention::Queries;
use crate::kernels::{DropoutMask, MatmulPrecision, ResidentBatch};

/// dropout(LayerNorm(x)) of `[x, scale, shift]`, where x is `[rows, d]`.
#[derive(Clone, Debug)]
pub struct NormDropout {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Dropout on the output.
    pub dropout: Option<DropoutMask>,
}

/// LayerNorm(dropout(x + bias) + residual) of `[x, bias, residual, scale, shift]`, where x and residual are `[rows, d]`.
#[derive(Clone, Debug)]
pub struct DropoutAddNorm {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Precision of the product that x comes from. On a GPU the gradient of x is rounded to it right away.
    pub precision: MatmulPrecision,
    /// Dropout on x + bias.
    pub dropout: Option<DropoutMask>,
    /// The tokens that the rows of x belong to.
    pub queries: Queries,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::RaggedBatch;
    use crate::kernels::ops::gradcheck::{dropout, gradcheck, operand, widened};

    const EPSILON: f64 = 1e-3;

    /// Returns examples of one token, or of two if only the first has a query.
    fn batch(examples: usize, length: usize) -> Arc<ResidentBatch> {
        RaggedBatch::new((0..examples).map(|_| (&[0, 1][..length], &[0, 0][..length]))).resident()
    }

    fn factors(mask: Option<&DropoutMask>, rows: usize, d: usize, row: impl Fn(usize) -> usize) -> Vec<f64> {
        let mut factors = vec![1.0; rows * d];
        if let Some(mask) = mask {
            factors.chunks_mut(d).enumerate().for_each(|(index, factors)| mask.hidden_row(row(index), factors));
        }
        widened(&factors)
    }

    fn layer_norm(h: &[f64], scale: &[f64], shift: &[f64]) -> Vec<f64> {
        let row = |h: &[f64]| {
            let mean = h.iter().sum::<f64>() / h.len() as f64;
            let variance = h.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / h.len() as f64;
            let normal = |h: &f64| (h - mean) / (variance + EPSILON).sqrt();
            h.iter().map(normal).zip(scale).zip(shift).map(|((h, scale), shift)| h * scale + shift).collect::<Vec<_>>()
        };
        h.chunks(scale.len()).flat_map(row).collect()
    }

    #[test]
    fn dropout_add_norm_is_its_formula() {
        for (case, (rows, d)) in [(1, 9), (3, 17), (66, 24)].into_iter().enumerate() {
            for (dropout, queries) in
                [(None, Queries::All), (Some(dropout(case as u64)), Queries::All), (Some(dropout(9)), Queries::First)]
            {
                let step = if queries == Queries::First { 2 } else { 1 };
                let factors = factors(dropout.as_ref(), rows, d, |row| row * step);
                let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
                    let [x, bias, residual, scale, shift] = operands else { unreachable!("five operands") };
                    let h = |at: usize| (x[at] + bias[at % d]) * factors[at] + residual[at];
                    layer_norm(&(0..rows * d).map(h).collect::<Vec<_>>(), scale, shift)
                };
                let operands = [("x", 1), ("bias", 2), ("residual", 3), ("scale", 4), ("shift", 5)].map(|(name, seed)| {
                    if seed == 1 || seed == 3 { operand(name, seed, [rows, d]) } else { operand(name, seed, [d]) }
                });
                let batch = batch(rows, step);
                let operation = DropoutAddNorm { batch, epsilon: EPSILON, precision: MatmulPrecision::F32, dropout, queries };
                gradcheck(&operation, &operands, &formula, (2e-6, 5e-6));
            }
        }
    }

    #[test]
    fn norm_dropout_is_its_formula() {
        for (rows, d) in [(1, 9), (8, 17), (64, 24)] {
            for dropout in [None, Some(dropout(3))] {
                let factors = factors(dropout.as_ref(), rows, d, |row| row);
                let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
                    let y = layer_norm(&operands[0], &operands[1], &operands[2]);
                    y.iter().zip(&factors).map(|(y, factor)| y * factor).collect()
                };
                let operands = [operand("x", 1, [rows, d]), operand("scale", 4, [d]), operand("shift", 5, [d])];
                let operation = NormDropout { batch: batch(rows, 1), epsilon: EPSILON, dropout };
                gradcheck(&operation, &operands, &formula, (2e-6, 5e-6));
            }
        }
    }
}
