//! [`Attention`] on the CPU.

use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::zeros;
use super::elementary::exp;
use super::reduce::{column_sums, sum};
use super::simd::vectorized;
use super::small_matmul::{LANES, product, transpose};
use super::tensors::{dense, numbers, shape as shape_of, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{Attention, DropoutMask, Queries, RaggedBatch};

/// A matrix `[tokens, d]` and its bias `[d]`.
#[derive(Clone, Copy, Debug)]
pub struct Biased<'a> {
    /// The rows.
    pub rows: &'a [f32],
    /// Added to each row.
    pub bias: &'a [f32],
}

/// The options of an attention operation.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape<'a> {
    pub batch: &'a RaggedBatch,
    pub heads: usize,
    pub queries: Queries,
    pub dropout: Option<&'a DropoutMask>,
}

impl AttentionShape<'_> {
    /// Returns the number of queries of an example.
    pub fn queries(&self, example: usize) -> usize {
        match self.queries {
            Queries::All => self.batch.length(example),
            Queries::First => 1,
        }
    }

    /// Splits a buffer into one part per example, each `size(example)` values long.
    pub fn split<'b>(&self, mut buffer: &'b mut [f32], size: impl Fn(usize) -> usize) -> Vec<&'b mut [f32]> {
        let examples = 0..self.batch.examples();
        examples
            .map(|example| {
                let (part, rest) = std::mem::take(&mut buffer).split_at_mut(size(example));
                buffer = rest;
                part
            })
            .collect()
    }

    /// Returns the number of probabilities of an example.
    pub fn probabilities(&self, example: usize) -> usize {
        self.heads * self.queries(example) * self.batch.length(example)
    }

    /// Returns where the probabilities of each example begin.
    pub fn probability_starts(&self) -> Vec<usize> {
        let begin = |at: &mut usize, example| Some(std::mem::replace(at, *at + self.probabilities(example)));
        (0..self.batch.examples()).scan(0, begin).collect()
    }

    /// Returns the row of an example's first query.
    pub fn query_start(&self, example: usize) -> usize {
        match self.queries {
            Queries::All => self.batch.offsets[example],
            Queries::First => example,
        }
    }
}

/// The attention of one example.
#[derive(Clone, Copy)]
pub struct ExampleAttention<'a> {
    pub query: Biased<'a>,
    pub key: Biased<'a>,
    pub value: Biased<'a>,
    pub heads: usize,
    dropout: Option<&'a DropoutMask>,
    /// Batch row of the example's first token.
    first: usize,
}

impl ExampleAttention<'_> {
    /// Returns the number of queries, the number of keys, and the width of a head.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let d = self.query.bias.len();
        (self.query.rows.len() / d, self.key.rows.len() / d, d / self.heads)
    }
}

/// Copies a head's columns, with bias added and scaled, into dense rows of padded width.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn gather(from: Biased<'_>, head: usize, width: usize, scale: f32, to: &mut [f32], padded: usize) {
    let d = from.bias.len();
    let columns = head * width..(head + 1) * width;
    for (row, to) in from.rows.chunks_exact(d).zip(to.chunks_exact_mut(padded)) {
        for ((to, x), bias) in to.iter_mut().zip(&row[columns.clone()]).zip(&from.bias[columns.clone()]) {
            *to = (x + bias) * scale;
        }
    }
}

/// Copies a head's dense rows back into its columns, scaled.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn scatter(from: &[f32], padded: usize, to: &mut [f32], d: usize, head: usize, width: usize, scale: f32) {
    for (from, row) in from.chunks_exact(padded).zip(to.chunks_exact_mut(d)) {
        for (to, x) in row[head * width..(head + 1) * width].iter_mut().zip(from) {
            *to = x * scale;
        }
    }
}

/// Turns scores `[queries, long]` into probabilities with dropout, and keeps those without it, `[queries, keys]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn softmax(
    example: &ExampleAttention<'_>,
    head: usize,
    (s, long): (&mut [f32], usize),
    kept: &mut [f32],
    factors: &mut [f32],
) {
    let (_, keys, _) = example.sizes();
    for (query, (s, kept)) in s.chunks_exact_mut(long).zip(kept.chunks_exact_mut(keys)).enumerate() {
        let s = &mut s[..keys];
        let largest = s.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for s in s.iter_mut() {
            *s = exp(*s - largest);
        }
        let inverse = 1.0 / sum(s.iter().copied());
        for (s, kept) in s.iter_mut().zip(kept.iter_mut()) {
            *s *= inverse;
            *kept = *s;
        }
        if let Some(mask) = example.dropout {
            mask.attention_row(example.first + query, head, example.heads, &mut factors[..keys]);
            for (s, factor) in s.iter_mut().zip(factors.iter()) {
                *s *= factor;
            }
        }
    }
}

/// Turns the gradient of probabilities with dropout, `[queries, long]`, into that of the scores, and returns these probabilities
/// in `dropped`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn softmax_gradient(
    example: &ExampleAttention<'_>,
    head: usize,
    (s, dropped, long): (&mut [f32], &mut [f32], usize),
    kept: &[f32],
    factors: &mut [f32],
) {
    let (_, keys, _) = example.sizes();
    for (query, ((s, dropped), p)) in
        s.chunks_exact_mut(long).zip(dropped.chunks_exact_mut(long)).zip(kept.chunks_exact(keys)).enumerate()
    {
        let (s, dropped) = (&mut s[..keys], &mut dropped[..keys]);
        if let Some(mask) = example.dropout {
            mask.attention_row(example.first + query, head, example.heads, &mut factors[..keys]);
        }
        for ((s, dropped), (p, factor)) in s.iter_mut().zip(dropped.iter_mut()).zip(p.iter().zip(factors.iter())) {
            *dropped = p * factor;
            *s *= factor;
        }
        let along = sum(s.iter().zip(p).map(|(s, p)| s * p));
        for (s, p) in s.iter_mut().zip(p) {
            *s = p * (*s - along);
        }
    }
}

vectorized! {
    fn forward_example(example: ExampleAttention<'_>, out: &mut [f32], probabilities: &mut [f32]) {
        let (queries, keys, width) = example.sizes();
        let (d, wide, long) = (example.query.bias.len(), width.next_multiple_of(LANES), keys.next_multiple_of(LANES));
        let (mut q, mut k, mut v) = (vec![0.0; queries * wide], vec![0.0; keys * wide], vec![0.0; keys * wide]);
        let (mut kt, mut s, mut o) = (vec![0.0; wide * long], vec![0.0; queries * long], vec![0.0; queries * wide]);
        let mut factors = vec![1.0_f32; long];
        for head in 0..example.heads {
            gather(example.query, head, width, 1.0 / (width as f32).sqrt(), &mut q, wide);
            gather(example.key, head, width, 1.0, &mut k, wide);
            gather(example.value, head, width, 1.0, &mut v, wide);
            transpose(&k, wide, &mut kt, long, (keys, width));
            product(&q, wide, &kt, &mut s, (queries, long, width));
            let kept = &mut probabilities[head * queries * keys..(head + 1) * queries * keys];
            softmax(&example, head, (&mut s, long), kept, &mut factors);
            product(&s, long, &v, &mut o, (queries, wide, keys));
            scatter(&o, wide, out, d, head, width, 1.0);
        }
    }
}

vectorized! {
    fn backward_example(
        example: ExampleAttention<'_>, gradient: &[f32], probabilities: &[f32], query: &mut [f32], key: &mut [f32], value: &mut [f32],
    ) {
        let (queries, keys, width) = example.sizes();
        let (d, wide, long) = (example.query.bias.len(), width.next_multiple_of(LANES), keys.next_multiple_of(LANES));
        let scale = 1.0 / (width as f32).sqrt();
        let nothing = vec![0.0_f32; d];
        let (mut q, mut g) = (vec![0.0; queries * wide], vec![0.0; queries * wide]);
        let (mut k, mut v, mut vt) = (vec![0.0; keys * wide], vec![0.0; keys * wide], vec![0.0; wide * long]);
        let (mut s, mut dropped) = (vec![0.0; queries * long], vec![0.0; queries * long]);
        let (mut transposed, mut dq, mut dk) = (vec![0.0; long * queries], vec![0.0; queries * wide], vec![0.0; keys * wide]);
        let mut factors = vec![1.0_f32; long];
        for head in 0..example.heads {
            gather(example.query, head, width, scale, &mut q, wide);
            gather(example.key, head, width, 1.0, &mut k, wide);
            gather(example.value, head, width, 1.0, &mut v, wide);
            gather(Biased { rows: gradient, bias: &nothing }, head, width, 1.0, &mut g, wide);
            transpose(&v, wide, &mut vt, long, (keys, width));
            product(&g, wide, &vt, &mut s, (queries, long, width));
            let kept = &probabilities[head * queries * keys..(head + 1) * queries * keys];
            softmax_gradient(&example, head, (&mut s, &mut dropped, long), kept, &mut factors);
            transpose(&dropped, long, &mut transposed, queries, (queries, keys));
            product(&transposed, queries, &g, &mut dk, (keys, wide, queries));
            scatter(&dk, wide, value, d, head, width, 1.0);
            product(&s, long, &k, &mut dq, (queries, wide, keys));
            scatter(&dq, wide, query, d, head, width, scale);
            transpose(&s, long, &mut transposed, queries, (queries, keys));
            product(&transposed, queries, &q, &mut dk, (keys, wide, queries));
            scatter(&dk, wide, key, d, head, width, 1.0);
        }
    }
}

/// Returns the part of one example.
pub fn one_example<'a>(
    shape: &AttentionShape<'a>,
    example: usize,
    query: Biased<'a>,
    key: Biased<'a>,
    value: Biased<'a>,
) -> ExampleAttention<'a> {
    let d = query.bias.len();
    let own_queries = shape.query_start(example)..shape.query_start(example) + shape.queries(example);
    let own = shape.batch.offsets[example]..shape.batch.offsets[example + 1];
    let part =
        |of: Biased<'a>, rows: &std::ops::Range<usize>| Biased { rows: &of.rows[rows.start * d..rows.end * d], bias: of.bias };
    ExampleAttention {
        query: part(query, &own_queries),
        key: part(key, &own),
        value: part(value, &own),
        heads: shape.heads,
        dropout: shape.dropout,
        first: own.start,
    }
}

/// Returns O `[queries, d]`, and the probabilities P of all heads, example after example.
pub fn forward(query: Biased<'_>, key: Biased<'_>, value: Biased<'_>, shape: &AttentionShape<'_>) -> (Vec<f32>, Vec<f32>) {
    let d = query.bias.len();
    let mut out = zeros(query.rows.len());
    let mut probabilities = zeros((0..shape.batch.examples()).map(|example| shape.probabilities(example)).sum());
    let outs = shape.split(&mut out, |example| shape.queries(example) * d);
    let parts = shape.split(&mut probabilities, |example| shape.probabilities(example));
    outs.into_par_iter().zip(parts).enumerate().for_each(|(example, (out, part))| {
        forward_example(one_example(shape, example, query, key, value), out, part);
    });
    (out, probabilities)
}

/// Returns dL/dquery, dL/dkey and dL/dvalue from dL/dO, without the gradients of the biases.
pub fn backward(
    gradient: &[f32],
    probabilities: &[f32],
    query: Biased<'_>,
    key: Biased<'_>,
    value: Biased<'_>,
    shape: &AttentionShape<'_>,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let d = query.bias.len();
    let (mut dq, mut dk, mut dv) = (zeros(query.rows.len()), zeros(key.rows.len()), zeros(value.rows.len()));
    let of_queries = |example| shape.queries(example) * d;
    let of_keys = |example| shape.batch.length(example) * d;
    let outs = shape.split(&mut dq, of_queries).into_par_iter();
    let outs = outs.zip(shape.split(&mut dk, of_keys)).zip(shape.split(&mut dv, of_keys));
    let starts = shape.probability_starts();
    outs.enumerate().for_each(|(example, ((dq, dk), dv))| {
        let own = shape.query_start(example) * d..(shape.query_start(example) + shape.queries(example)) * d;
        let kept = &probabilities[starts[example]..starts[example] + shape.probabilities(example)];
        backward_example(one_example(shape, example, query, key, value), &gradient[own], kept, dq, dk, dv);
    });
    (dq, dk, dv)
}

/// The operands, and the probabilities that the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedAttention {
    operands: [FlexTensor; 6],
    options: Attention,
    probabilities: Arc<Vec<f32>>,
}

impl SavedAttention {
    fn with<T>(&self, work: impl FnOnce(Biased<'_>, Biased<'_>, Biased<'_>, &AttentionShape<'_>) -> T) -> T {
        let operand = |index: usize| Biased { rows: numbers(&self.operands[index]), bias: numbers(&self.operands[index + 1]) };
        let Attention { batch, heads, queries, dropout, .. } = &self.options;
        let shape = AttentionShape { batch, heads: *heads, queries: *queries, dropout: dropout.as_ref() };
        work(operand(0), operand(2), operand(4), &shape)
    }
}

impl Kernel<Flex, 6> for Attention {
    type Saved = SavedAttention;

    fn forward(self, operands: [FlexTensor; 6]) -> (FlexTensor, Self::Saved) {
        let operands = operands.map(dense);
        let out_shape = shape_of(&operands[0]);
        let mut saved = SavedAttention { operands, options: self, probabilities: Arc::default() };
        let (out, probabilities) = saved.with(forward);
        saved.probabilities = Arc::new(probabilities);
        (tensor(out, out_shape), saved)
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 6] {
        let gradient = dense(gradient);
        let (dq, dk, dv) =
            saved.with(|query, key, value, shape| backward(numbers(&gradient), &saved.probabilities, query, key, value, shape));
        let d = shape_of(&saved.operands[1])[0];
        let [query_bias, key_bias, value_bias] = [&dq, &dk, &dv].map(|rows| tensor(column_sums(rows, d), [d]));
        let matrix = |values: Vec<f32>, like: usize| tensor(values, shape_of(&saved.operands[like]));
        [matrix(dq, 0), query_bias, matrix(dk, 2), key_bias, matrix(dv, 4), value_bias]
    }
}
