//! Scaled dot-product attention with rotary positions (Su et al. 2021), within a window or not.
//!
//! For each head: S = R(Q) R(K)ᵀ / √width, where R rotates row t by t · θ^(-2i/width) in the plane of columns i and
//! i + width/2; P = softmax(S) over the keys at most `window` rows away; O = dropout(P) V. Gradients are those of
//! [`Attention`](super::Attention), rotated back.

use std::sync::Arc;

use crate::kernels::{DropoutMask, ResidentBatch, ResidentRotaryTable};

/// O `[rows, d]` from `[qkv]`: queries, keys and values side by side, `[rows, 3 d]`.
#[derive(Clone, Debug)]
pub struct RotaryAttention {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
    /// Number of heads.
    pub heads: usize,
    /// The angles, at least as many as the longest example has tokens.
    pub table: Arc<ResidentRotaryTable>,
    /// Largest distance between a query and its keys; `None` if there is no limit.
    pub window: Option<usize>,
    /// Dropout on the attention probabilities.
    pub dropout: Option<DropoutMask>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::ops::gradcheck::{dropout, gradcheck, operand, widened};
    use crate::kernels::{RaggedBatch, RotaryTable};

    const WIDTH: usize = 6;
    const HEADS: usize = 2;
    const D: usize = WIDTH * HEADS;
    const THETA: f64 = 100.0;

    /// Returns O of all examples and heads.
    fn formula(qkv: &[f64], lengths: &[usize], RotaryAttention { window, dropout, .. }: &RotaryAttention) -> Vec<f64> {
        let mut out = vec![0.0; qkv.len() / 3];
        let mut first = 0;
        for length in lengths {
            for head in 0..HEADS {
                let part = |which: usize, row: usize| &qkv[(first + row) * 3 * D + which * D + head * WIDTH..][..WIDTH];
                let rotated = |which: usize, row: usize| -> Vec<f64> {
                    let (x, half) = (part(which, row), WIDTH / 2);
                    let cell = |i: usize| {
                        let angle = row as f64 * THETA.powf(-2.0 * (i % half) as f64 / WIDTH as f64);
                        let other = if i < half { -x[i + half] } else { x[i - half] };
                        x[i] * angle.cos() + other * angle.sin()
                    };
                    (0..WIDTH).map(cell).collect()
                };
                for query in 0..*length {
                    let q = rotated(0, query);
                    let score = |key: usize| {
                        let product: f64 = q.iter().zip(rotated(1, key)).map(|(q, k)| q * k).sum();
                        let seen = window.is_none_or(|window| key.abs_diff(query) <= window);
                        if seen { (product / (WIDTH as f64).sqrt()).exp() } else { 0.0 }
                    };
                    let exponentials: Vec<f64> = (0..*length).map(score).collect();
                    let total: f64 = exponentials.iter().sum();
                    let mut factors = vec![1.0; *length];
                    if let Some(mask) = dropout {
                        mask.attention_row(first + query, head, HEADS, &mut factors);
                    }
                    let factors = widened(&factors);
                    for column in 0..WIDTH {
                        out[(first + query) * D + head * WIDTH + column] =
                            (0..*length).map(|key| exponentials[key] / total * factors[key] * part(2, key)[column]).sum();
                    }
                }
            }
            first += length;
        }
        out
    }

    fn attention(lengths: &[usize], window: Option<usize>, dropout: Option<DropoutMask>) -> RotaryAttention {
        let ids: Vec<Vec<u32>> = lengths.iter().map(|length| vec![0; *length]).collect();
        let batch = RaggedBatch::new(ids.iter().map(|ids| (&**ids, &**ids))).resident();
        let table = Arc::new(RotaryTable::new(*lengths.iter().max().unwrap(), WIDTH, THETA).into());
        RotaryAttention { batch, heads: HEADS, table, window, dropout }
    }

    #[test]
    fn rotary_attention_is_its_formula() {
        for (lengths, window, dropout) in [
            (vec![1, 5, 18], None, None),
            (vec![1, 5, 18], None, Some(dropout(5))),
            (vec![18, 1, 5], Some(3), None),
            (vec![2, 20], Some(3), Some(dropout(6))),
            (vec![9], Some(0), None),
        ] {
            let attention = attention(&lengths, window, dropout);
            let qkv = operand("qkv", 1, [lengths.iter().sum::<usize>(), 3 * D]);
            gradcheck(&attention, &[qkv], &|operands| formula(&operands[0], &lengths, &attention), (2e-6, 5e-6));
        }
    }
}
