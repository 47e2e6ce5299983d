//! [`RotaryAttention`] on the CPU: block by block of queries, each with the keys that its window reaches. Only the largest score
//! and the sum of exponentials of each query are kept; the backward pass computes the probabilities again, so that memory grows
//! with the length and not with its square.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::zeros;
use super::elementary::exp;
use super::gemm::{Sum, product_into};
use super::matrix::Matrix;
use super::reduce::sum;
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{RotaryAttention, RotaryTable};

/// Queries per block.
const BLOCK: usize = 64;

/// The rows of one example and the columns of one head.
#[derive(Clone, Copy)]
struct HeadAttention<'a> {
    options: &'a RotaryAttention,
    /// `[tokens, 3 d]`, the example's rows.
    qkv: &'a [f32],
    /// Batch row of the example's first token.
    first: usize,
    head: usize,
    width: usize,
}

/// A block of queries and the keys that at least one of them sees.
#[derive(Clone, Debug, PartialEq, Eq)]
struct QueryBlock {
    queries: Range<usize>,
    keys: Range<usize>,
}

/// Returns the blocks of an example; keys beyond the window of every query are in no block.
fn blocks(length: usize, window: Option<usize>) -> impl Iterator<Item = QueryBlock> {
    (0..length).step_by(BLOCK).map(move |start| {
        let queries = start..length.min(start + BLOCK);
        let reach = window.unwrap_or(length);
        let keys = start.saturating_sub(reach)..length.min(queries.end + reach);
        QueryBlock { queries, keys }
    })
}

impl<'a> HeadAttention<'a> {
    fn d(&self) -> usize {
        self.options.heads * self.width
    }

    fn length(&self) -> usize {
        self.qkv.len() / (3 * self.d())
    }

    /// Returns rows of this head's queries (0), keys (1) or values (2).
    fn part(&self, which: usize, rows: Range<usize>) -> Matrix<'a> {
        let start = rows.start * 3 * self.d() + which * self.d() + self.head * self.width;
        Matrix::strided(&self.qkv[start..], rows.len(), self.width, 3 * self.d())
    }

    /// Returns the rotated queries or keys, scaled: `[tokens, width]`.
    fn rotated(&self, which: usize, scale: f32) -> Vec<f32> {
        let mut rotated = vec![0.0; self.length() * self.width];
        let start = which * self.d() + self.head * self.width;
        rotate(&self.qkv[start..], 3 * self.d(), &self.options.table, scale, 1.0, &mut rotated, self.width);
        rotated
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// Returns the keys of a block that a query sees, counted from the block's first.
    fn seen(&self, block: &QueryBlock, query: usize) -> Range<usize> {
        let reach = self.options.window.unwrap_or(self.length());
        let keys = query.saturating_sub(reach).max(block.keys.start)..block.keys.end.min(query + reach + 1);
        keys.start - block.keys.start..keys.end - block.keys.start
    }

    /// Fills in the dropout factors of a block's keys for one query.
    fn factors(&self, block: &QueryBlock, query: usize, factors: &mut [f32]) {
        if let Some(mask) = &self.options.dropout {
            mask.attention_row(self.first + query, self.head, self.options.heads, &mut factors[..block.keys.end]);
        }
    }
}

vectorized! {
    /// Rotates row t of width `width` by the table's angles at t, in the direction of `sign`, and scales it.
    fn rotate(from: &[f32], stride: usize, table: &RotaryTable, scale: f32, sign: f32, to: &mut [f32], width: usize) {
        for (at, (to, from)) in to.chunks_exact_mut(width).zip(from.chunks(stride)).enumerate() {
            let (cosines, sines) = table.at(at);
            let ((a, b), (to_a, to_b)) = (from[..width].split_at(width / 2), to.split_at_mut(width / 2));
            for (((a, b), (cosine, sine)), (to_a, to_b)) in a.iter().zip(b).zip(cosines.iter().zip(sines)).zip(to_a.iter_mut().zip(to_b)) {
                let sine = sine * sign;
                *to_a = (a * cosine - b * sine) * scale;
                *to_b = (b * cosine + a * sine) * scale;
            }
        }
    }
}

vectorized! {
    /// Replaces scores by probabilities, 0 where the query does not see the key; keeps each row's largest score and the inverse
    /// of its sum of exponentials.
    fn softmax(scores: &mut [f32], block: &QueryBlock, of: HeadAttention<'_>, kept: &mut [[f32; 2]]) {
        let keys = block.keys.len();
        for ((query, row), kept) in block.queries.clone().zip(scores.chunks_exact_mut(keys)).zip(kept) {
            let seen = of.seen(block, query);
            row[..seen.start].fill(0.0);
            row[seen.end..].fill(0.0);
            let row = &mut row[seen];
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for score in row.iter_mut() {
                *score = exp(*score - largest);
            }
            let inverse = 1.0 / sum(row.iter().copied());
            for score in row.iter_mut() {
                *score *= inverse;
            }
            *kept = [largest, inverse];
        }
    }
}

vectorized! {
    /// Multiplies probabilities by their dropout factors.
    fn drop(probabilities: &mut [f32], block: &QueryBlock, of: HeadAttention<'_>, factors: &mut [f32]) {
        for (query, row) in block.queries.clone().zip(probabilities.chunks_exact_mut(block.keys.len())) {
            of.factors(block, query, factors);
            for (p, factor) in row.iter_mut().zip(&factors[block.keys.clone()]) {
                *p *= factor;
            }
        }
    }
}

vectorized! {
    /// Replaces scores by dropped probabilities, and the gradient of these by that of the scores.
    fn backward_rows(
        scores: &mut [f32], gradient: &mut [f32], block: &QueryBlock, of: HeadAttention<'_>, kept: &[[f32; 2]], factors: &mut [f32],
    ) {
        let keys = block.keys.len();
        let rows = scores.chunks_exact_mut(keys).zip(gradient.chunks_exact_mut(keys)).zip(kept);
        for (query, ((scores, gradient), [largest, inverse])) in block.queries.clone().zip(rows) {
            let seen = of.seen(block, query);
            for outside in [0..seen.start, seen.end..keys] {
                scores[outside.clone()].fill(0.0);
                gradient[outside].fill(0.0);
            }
            of.factors(block, query, factors);
            let factors = &factors[block.keys.start + seen.start..];
            let (scores, gradient) = (&mut scores[seen.clone()], &mut gradient[seen]);
            for ((p, gradient), factor) in scores.iter_mut().zip(gradient.iter_mut()).zip(factors) {
                *p = exp(*p - largest) * inverse;
                *gradient *= factor;
            }
            let along = sum(gradient.iter().zip(scores.iter()).map(|(gradient, p)| gradient * p));
            for ((p, gradient), factor) in scores.iter_mut().zip(gradient.iter_mut()).zip(factors) {
                *gradient = *p * (*gradient - along);
                *p *= factor;
            }
        }
    }
}

/// Computes O of one head, `[tokens, width]`.
fn forward_head(of: HeadAttention<'_>, out: &mut [f32], kept: &mut [[f32; 2]]) {
    let (query, key, width) = (of.rotated(0, of.scale()), of.rotated(1, 1.0), of.width);
    let mut factors = vec![1.0; of.length()];
    let mut scores = Vec::new();
    for block in blocks(of.length(), of.options.window) {
        let (queries, keys) = (block.queries.len(), block.keys.len());
        scores.resize(queries * keys, 0.0);
        let rows = block.queries.start * width..block.queries.end * width;
        let key = Matrix::new(&key[block.keys.start * width..block.keys.end * width], keys, width);
        product_into(Matrix::new(&query[rows.clone()], queries, width), key.transposed(), Sum::Replaces(&mut scores));
        softmax(&mut scores, &block, of, &mut kept[block.queries.clone()]);
        if of.options.dropout.is_some() {
            drop(&mut scores, &block, of, &mut factors);
        }
        let value = of.part(2, block.keys.clone());
        product_into(Matrix::new(&scores, queries, keys), value, Sum::Replaces(&mut out[rows]));
    }
}

/// Computes the gradients of one head's queries, keys and values, `[3, tokens, width]`, all zero before.
fn backward_head(of: HeadAttention<'_>, gradient: &[f32], kept: &[[f32; 2]], out: &mut [f32]) {
    let (query, key, width, length) = (of.rotated(0, of.scale()), of.rotated(1, 1.0), of.width, of.length());
    let (of_query, rest) = out.split_at_mut(length * width);
    let (of_key, of_value) = rest.split_at_mut(length * width);
    let mut factors = vec![1.0; length];
    let (mut scores, mut of_scores) = (Vec::new(), Vec::new());
    for block in blocks(length, of.options.window) {
        let (queries, keys) = (block.queries.len(), block.keys.len());
        scores.resize(queries * keys, 0.0);
        of_scores.resize(queries * keys, 0.0);
        let rows = block.queries.start * width..block.queries.end * width;
        let columns = block.keys.start * width..block.keys.end * width;
        let query = Matrix::new(&query[rows.clone()], queries, width);
        let key = Matrix::new(&key[columns.clone()], keys, width);
        let gradient = Matrix::strided(&gradient[block.queries.start * of.d() + of.head * width..], queries, width, of.d());
        product_into(query, key.transposed(), Sum::Replaces(&mut scores));
        product_into(gradient, of.part(2, block.keys.clone()).transposed(), Sum::Replaces(&mut of_scores));
        backward_rows(&mut scores, &mut of_scores, &block, of, &kept[block.queries.clone()], &mut factors);
        let (probabilities, of_scores) = (Matrix::new(&scores, queries, keys), Matrix::new(&of_scores, queries, keys));
        product_into(probabilities.transposed(), gradient, Sum::AddsTo(&mut of_value[columns.clone()]));
        product_into(of_scores, key, Sum::Replaces(&mut of_query[rows]));
        product_into(of_scores.transposed(), query, Sum::AddsTo(&mut of_key[columns]));
    }
    // Rotations are orthogonal: gradients are rotated back. The queries were scaled before the product, and so were the keys'
    // gradients by them.
    for (part, scale) in [(of_query, of.scale()), (of_key, 1.0)] {
        let rotated = part.to_vec();
        rotate(&rotated, width, &of.options.table, scale, -1.0, part, width);
    }
}

/// Splits a buffer into a part for each example and head, with `size` values per token.
fn split<'a, T>(options: &RotaryAttention, mut buffer: &'a mut [T], size: usize) -> Vec<&'a mut [T]> {
    let lengths = options.batch.lengths().flat_map(|length| std::iter::repeat_n(length * size, options.heads));
    lengths
        .map(|size| {
            let (part, rest) = std::mem::take(&mut buffer).split_at_mut(size);
            buffer = rest;
            part
        })
        .collect()
}

impl RotaryAttention {
    /// Returns the attention with this index, counted head by head within example by example.
    fn of_head<'a>(&'a self, index: usize, qkv: &'a [f32], d: usize) -> HeadAttention<'a> {
        let (example, head) = (index / self.heads, index % self.heads);
        let rows = self.batch.offsets[example]..self.batch.offsets[example + 1];
        let qkv = &qkv[rows.start * 3 * d..rows.end * 3 * d];
        HeadAttention { options: self, qkv, first: rows.start, head, width: d / self.heads }
    }

    /// Copies parts `[parts, tokens, width]` of each example and head into rows `[rows, parts · d]`.
    fn join(&self, by_head: &[f32], parts: usize, d: usize) -> Vec<f32> {
        let mut rows = zeros(by_head.len());
        let (row, width, batch) = (parts * d, d / self.heads, &self.batch);
        let mut examples = Vec::new();
        let mut rest = &mut *rows;
        for length in batch.lengths() {
            let (own, others) = rest.split_at_mut(length * row);
            examples.push(own);
            rest = others;
        }
        examples.into_par_iter().zip(&batch.offsets).for_each(|(rows, first)| {
            let length = rows.len() / row;
            let by_head = &by_head[first * row..(first + length) * row];
            for (index, from) in by_head.chunks_exact(length * width).enumerate() {
                let (head, part) = (index / parts, index % parts);
                for (to, from) in rows.chunks_exact_mut(row).zip(from.chunks_exact(width)) {
                    to[part * d + head * width..][..width].copy_from_slice(from);
                }
            }
        });
        rows
    }
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedRotaryAttention {
    options: RotaryAttention,
    qkv: FlexTensor,
    /// The largest score of each query and the inverse of its sum of exponentials, head by head within example by example.
    kept: Arc<Vec<[f32; 2]>>,
}

impl Kernel<Flex, 1> for RotaryAttention {
    type Saved = SavedRotaryAttention;

    fn forward(self, [qkv]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        let qkv = dense(qkv);
        let (rows, d) = (shape(&qkv)[0], shape(&qkv)[1] / 3);
        let (mut out, mut kept) = (zeros(rows * d), vec![[0.0; 2]; rows * self.heads]);
        let parts = split(&self, &mut out, d / self.heads).into_par_iter().zip(split(&self, &mut kept, 1));
        parts.enumerate().for_each(|(index, (out, kept))| forward_head(self.of_head(index, numbers(&qkv), d), out, kept));
        let out = self.join(&out, 1, d);
        (tensor(out, [rows, d]), SavedRotaryAttention { options: self, qkv, kept: Arc::new(kept) })
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 1] {
        let (SavedRotaryAttention { options, qkv, kept }, gradient) = (saved, dense(gradient));
        let (rows, d) = (shape(&gradient)[0], shape(&gradient)[1]);
        let mut out = zeros(rows * 3 * d);
        let parts = split(&options, &mut out, 3 * d / options.heads);
        parts.into_par_iter().enumerate().for_each(|(index, out)| {
            let of = options.of_head(index, numbers(&qkv), d);
            let gradient = &numbers(&gradient)[of.first * d..(of.first + of.length()) * d];
            let kept = &kept[of.first * options.heads + of.head * of.length()..][..of.length()];
            backward_head(of, gradient, kept, out);
        });
        [tensor(options.join(&out, 3, d), [rows, 3 * d])]
    }
}

#[cfg(test)]
#[path = "rotary_attention_tests.rs"]
mod tests;
