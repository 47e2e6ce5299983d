//! The softmax of a head's scores with dropout, and its gradient. To be inlined into [vectorized](super::simd::vectorized) functions.

use super::elementary::exp;
use super::reduce::{largest, sum_of_lanes, sum_of_products};
use super::small_product::LANES;
use crate::kernels::DropoutMask;

/// A head's scores or their gradients, `[queries, long]`, of which each row has `keys` used columns.
pub struct HeadScores<T> {
    pub values: T,
    pub long: usize,
}

/// The dropout of one head in one example.
#[derive(Clone, Copy)]
pub struct HeadDropout<'a> {
    /// `None` if nothing is dropped.
    pub mask: Option<&'a DropoutMask>,
    /// Batch row of the example's first token.
    pub first: usize,
    pub head: usize,
    pub heads: usize,
}

/// Turns scores into probabilities with dropout, zero beyond the last key, and copies those without it to `kept`, `[queries, keys]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn softmax(
    HeadScores { values, long }: HeadScores<&mut [f32]>,
    keys: usize,
    dropout: HeadDropout<'_>,
    mut kept: Option<&mut [f32]>,
    factors: &mut [f32],
) {
    for (query, row) in values.chunks_exact_mut(long).enumerate() {
        row[keys..].fill(f32::NEG_INFINITY);
        let s = row.as_chunks_mut::<LANES>().0;
        let largest = largest(s);
        for s in s.iter_mut() {
            for s in s {
                *s = exp(*s - largest);
            }
        }
        let inverse = 1.0 / sum_of_lanes(s);
        for s in s.iter_mut() {
            for s in s {
                *s *= inverse;
            }
        }
        if let Some(kept) = kept.as_deref_mut() {
            kept[query * keys..(query + 1) * keys].copy_from_slice(&row[..keys]);
        }
        if let Some(mask) = dropout.mask {
            mask.attention_row(dropout.first + query, dropout.head, dropout.heads, factors);
            let factors = factors.as_chunks::<LANES>().0;
            for (s, factors) in row.as_chunks_mut::<LANES>().0.iter_mut().zip(factors) {
                for (s, factor) in s.iter_mut().zip(factors) {
                    *s *= factor;
                }
            }
        }
    }
}

/// Turns the gradient of probabilities with dropout, `[queries, long]`, into that of the scores, and returns these probabilities
/// in `dropped`. Both are zero beyond the last key.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn softmax_gradient(
    HeadScores { values, long }: HeadScores<&mut [f32]>,
    dropped: &mut [f32],
    keys: usize,
    dropout: HeadDropout<'_>,
    kept: &[f32],
    factors: &mut [f32],
) {
    for (query, ((s, dropped), kept)) in
        values.chunks_exact_mut(long).zip(dropped.chunks_exact_mut(long)).zip(kept.chunks_exact(keys)).enumerate()
    {
        if let Some(mask) = dropout.mask {
            mask.attention_row(dropout.first + query, dropout.head, dropout.heads, factors);
        }
        dropped[..keys].copy_from_slice(kept);
        let (s, p) = (s.as_chunks_mut::<LANES>().0, dropped.as_chunks_mut::<LANES>().0);
        let factors = factors.as_chunks::<LANES>().0;
        for (s, factors) in s.iter_mut().zip(factors) {
            for (s, factor) in s.iter_mut().zip(factors) {
                *s *= factor;
            }
        }
        let along = sum_of_products(s, p);
        for ((s, p), factors) in s.iter_mut().zip(p).zip(factors) {
            for ((s, p), factor) in s.iter_mut().zip(p).zip(factors) {
                *s = *p * (*s - along);
                *p *= factor;
            }
        }
    }
}
