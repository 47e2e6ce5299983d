//! Attention within each example on the CPU, head by head, with scores that may have further [terms](ScoreTerms).

use rayon::prelude::*;

use super::buffer::zeros;
use super::small_product::{Factor, InBf16, InF32, LANES, SmallProduct};
use super::softmax::{HeadDropout, HeadScores, softmax, softmax_gradient};
use crate::kernels::{DropoutMask, MatmulPrecision, Queries, RaggedBatch};

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
    pub precision: MatmulPrecision,
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
    fn split<'b>(&self, mut buffer: &'b mut [f32], size: impl Fn(usize) -> usize) -> Vec<&'b mut [f32]> {
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
    fn probabilities(&self, example: usize) -> usize {
        self.heads * self.queries(example) * self.batch.length(example)
    }

    /// Returns where the probabilities of each example begin.
    fn probability_starts(&self) -> Vec<usize> {
        let begin = |at: &mut usize, example| Some(std::mem::replace(at, *at + self.probabilities(example)));
        (0..self.batch.examples()).scan(0, begin).collect()
    }

    /// Returns the row of an example's first query.
    fn query_start(&self, example: usize) -> usize {
        match self.queries {
            Queries::All => self.batch.offsets[example],
            Queries::First => example,
        }
    }
}

impl<'a> AttentionShape<'a> {
    /// Returns the part of one example.
    fn example(&self, example: usize, [query, key, value]: [Biased<'a>; 3]) -> ExampleAttention<'a> {
        let d = query.bias.len();
        let own_queries = self.query_start(example)..self.query_start(example) + self.queries(example);
        let own = self.batch.offsets[example]..self.batch.offsets[example + 1];
        let part = |of: Biased<'a>, rows: &std::ops::Range<usize>| Biased {
            rows: &of.rows[rows.start * d..rows.end * d],
            bias: of.bias,
        };
        ExampleAttention {
            query: part(query, &own_queries),
            key: part(key, &own),
            value: part(value, &own),
            heads: self.heads,
            precision: self.precision,
            dropout: self.dropout,
            first: own.start,
        }
    }
}

/// The attention of one example.
#[derive(Clone, Copy)]
pub struct ExampleAttention<'a> {
    query: Biased<'a>,
    key: Biased<'a>,
    value: Biased<'a>,
    heads: usize,
    precision: MatmulPrecision,
    dropout: Option<&'a DropoutMask>,
    /// Batch row of the example's first token.
    first: usize,
}

impl<'a> ExampleAttention<'a> {
    fn dropout(&self, head: usize) -> HeadDropout<'a> {
        HeadDropout { mask: self.dropout, first: self.first, head, heads: self.heads }
    }

    /// Returns the number of queries, the number of keys, and the width of a head.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let d = self.query.bias.len();
        (self.query.rows.len() / d, self.key.rows.len() / d, d / self.heads)
    }
}

/// Terms that are added to the products of queries and keys.
pub trait ScoreTerms {
    /// The number of terms by which the scores are scaled, products of queries and keys included: by 1 / √(width · terms).
    fn terms(&self) -> usize;

    /// Adds the terms to a head's scores. Queries are already scaled.
    fn add(
        &mut self,
        arithmetic: &mut impl SmallProduct,
        head: usize,
        scaled_queries: &[f32],
        keys: &[f32],
        scores: HeadScores<&mut [f32]>,
    );

    /// Adds the gradients of the terms to those of a head's queries, which are scaled afterwards, and keys.
    fn backward(
        &mut self,
        arithmetic: &mut impl SmallProduct,
        head: usize,
        scaled_queries: &[f32],
        keys: &[f32],
        scores: HeadScores<&[f32]>,
        gradients: [&mut [f32]; 2],
    );
}

/// No further terms.
pub struct NoTerms;

impl ScoreTerms for NoTerms {
    fn terms(&self) -> usize {
        1
    }

    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn add(&mut self, _: &mut impl SmallProduct, _: usize, _: &[f32], _: &[f32], _: HeadScores<&mut [f32]>) {}

    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn backward(&mut self, _: &mut impl SmallProduct, _: usize, _: &[f32], _: &[f32], _: HeadScores<&[f32]>, _: [&mut [f32]; 2]) {
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

/// Computes the attention of one example, and copies its probabilities to `kept`. To be inlined into a
/// [vectorized](super::simd::vectorized) function.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn forward_heads(example: ExampleAttention<'_>, terms: &mut impl ScoreTerms, out: &mut [f32], kept: Option<&mut [f32]>) {
    match example.precision {
        MatmulPrecision::Bf16 => forward_heads_with(&mut InBf16::default(), example, terms, out, kept),
        MatmulPrecision::F32 | MatmulPrecision::Tf32 => forward_heads_with(&mut InF32::default(), example, terms, out, kept),
    }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn forward_heads_with(
    arithmetic: &mut impl SmallProduct,
    example: ExampleAttention<'_>,
    terms: &mut impl ScoreTerms,
    out: &mut [f32],
    mut kept: Option<&mut [f32]>,
) {
    let (queries, keys, width) = example.sizes();
    let (d, wide, long) = (example.query.bias.len(), width.next_multiple_of(LANES), keys.next_multiple_of(LANES));
    let scale = 1.0 / ((width * terms.terms()) as f32).sqrt();
    let (mut q, mut k, mut v) = (vec![0.0; queries * wide], vec![0.0; keys * wide], vec![0.0; keys * wide]);
    let (mut s, mut o) = (vec![0.0; queries * long], vec![0.0; queries * wide]);
    let mut factors = vec![1.0_f32; long];
    for head in 0..example.heads {
        gather(example.query, head, width, scale, &mut q, wide);
        gather(example.key, head, width, 1.0, &mut k, wide);
        gather(example.value, head, width, 1.0, &mut v, wide);
        arithmetic.multiply(Factor::new(&q, wide), Factor::transposed(&k, wide), &mut s, [queries, long, width]);
        terms.add(arithmetic, head, &q, &k, HeadScores { values: &mut s, long });
        let kept = kept.as_deref_mut().map(|kept| &mut kept[head * queries * keys..(head + 1) * queries * keys]);
        softmax(HeadScores { values: &mut s, long }, keys, example.dropout(head), kept, &mut factors);
        arithmetic.multiply(Factor::new(&s, long), Factor::new(&v, wide), &mut o, [queries, wide, keys]);
        scatter(&o, wide, out, d, head, width, 1.0);
    }
}

/// Computes the gradients of one example's queries, keys and values. To be inlined likewise.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn backward_heads(
    example: ExampleAttention<'_>,
    terms: &mut impl ScoreTerms,
    gradient: &[f32],
    probabilities: &[f32],
    gradients: [&mut [f32]; 3],
) {
    match example.precision {
        MatmulPrecision::Bf16 => {
            backward_heads_with(&mut InBf16::default(), example, terms, [gradient, probabilities], gradients);
        }
        MatmulPrecision::F32 | MatmulPrecision::Tf32 => {
            backward_heads_with(&mut InF32::default(), example, terms, [gradient, probabilities], gradients);
        }
    }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn backward_heads_with(
    arithmetic: &mut impl SmallProduct,
    example: ExampleAttention<'_>,
    terms: &mut impl ScoreTerms,
    [gradient, probabilities]: [&[f32]; 2],
    [query, key, value]: [&mut [f32]; 3],
) {
    let (queries, keys, width) = example.sizes();
    let (d, wide, long) = (example.query.bias.len(), width.next_multiple_of(LANES), keys.next_multiple_of(LANES));
    let (scale, nothing) = (1.0 / ((width * terms.terms()) as f32).sqrt(), vec![0.0_f32; d]);
    let (mut q, mut g) = (vec![0.0; queries * wide], vec![0.0; queries * wide]);
    let (mut k, mut v) = (vec![0.0; keys * wide], vec![0.0; keys * wide]);
    let (mut s, mut dropped) = (vec![0.0; queries * long], vec![0.0; queries * long]);
    let (mut dq, mut dk) = (vec![0.0; queries * wide], vec![0.0; keys * wide]);
    let mut factors = vec![1.0_f32; long];
    for head in 0..example.heads {
        gather(example.query, head, width, scale, &mut q, wide);
        gather(example.key, head, width, 1.0, &mut k, wide);
        gather(example.value, head, width, 1.0, &mut v, wide);
        gather(Biased { rows: gradient, bias: &nothing }, head, width, 1.0, &mut g, wide);
        arithmetic.multiply(Factor::new(&g, wide), Factor::transposed(&v, wide), &mut s, [queries, long, width]);
        let kept = &probabilities[head * queries * keys..(head + 1) * queries * keys];
        let scores = HeadScores { values: &mut *s, long };
        softmax_gradient(scores, &mut dropped, keys, example.dropout(head), kept, &mut factors);
        arithmetic.multiply(Factor::transposed(&dropped, long), Factor::new(&g, wide), &mut dk, [keys, wide, queries]);
        scatter(&dk, wide, value, d, head, width, 1.0);
        arithmetic.multiply(Factor::new(&s, long), Factor::new(&k, wide), &mut dq, [queries, wide, keys]);
        arithmetic.multiply(Factor::transposed(&s, long), Factor::new(&q, wide), &mut dk, [keys, wide, queries]);
        terms.backward(arithmetic, head, &q, &k, HeadScores { values: &s, long }, [&mut dq, &mut dk]);
        scatter(&dq, wide, query, d, head, width, scale);
        scatter(&dk, wide, key, d, head, width, 1.0);
    }
}

/// Returns O `[queries, d]`. `one` computes an example's.
pub fn output(
    operands: [Biased<'_>; 3],
    shape: &AttentionShape<'_>,
    one: impl Fn(usize, ExampleAttention<'_>, &mut [f32]) + Sync,
) -> Vec<f32> {
    let d = operands[0].bias.len();
    let mut out = zeros(operands[0].rows.len());
    let outs = shape.split(&mut out, |example| shape.queries(example) * d).into_par_iter();
    outs.enumerate().for_each(|(example, out)| one(example, shape.example(example, operands), out));
    out
}

/// Returns O `[queries, d]`, and the probabilities P of all heads, example after example. `one` computes an example's.
pub fn forward(
    operands: [Biased<'_>; 3],
    shape: &AttentionShape<'_>,
    one: impl Fn(usize, ExampleAttention<'_>, &mut [f32], Option<&mut [f32]>) + Sync,
) -> (Vec<f32>, Vec<f32>) {
    let d = operands[0].bias.len();
    let mut out = zeros(operands[0].rows.len());
    let mut probabilities = zeros((0..shape.batch.examples()).map(|example| shape.probabilities(example)).sum());
    let outs = shape.split(&mut out, |example| shape.queries(example) * d);
    let parts = shape.split(&mut probabilities, |example| shape.probabilities(example));
    outs.into_par_iter()
        .zip(parts)
        .enumerate()
        .for_each(|(example, (out, part))| one(example, shape.example(example, operands), out, Some(part)));
    (out, probabilities)
}

/// Returns dL/dquery, dL/dkey and dL/dvalue from dL/dO, without the gradients of the biases, and what `one` returns for each
/// example, whose gradients it computes.
pub fn backward<T: Send>(
    gradient: &[f32],
    probabilities: &[f32],
    operands: [Biased<'_>; 3],
    shape: &AttentionShape<'_>,
    one: impl Fn(usize, ExampleAttention<'_>, [&[f32]; 2], [&mut [f32]; 3]) -> T + Sync,
) -> ([Vec<f32>; 3], Vec<T>) {
    let d = operands[0].bias.len();
    let [mut dq, mut dk, mut dv] = operands.map(|operand| zeros(operand.rows.len()));
    let of_queries = |example| shape.queries(example) * d;
    let of_keys = |example| shape.batch.length(example) * d;
    let outs = shape.split(&mut dq, of_queries).into_par_iter();
    let outs = outs.zip(shape.split(&mut dk, of_keys)).zip(shape.split(&mut dv, of_keys));
    let starts = shape.probability_starts();
    let all = outs.enumerate().map(|(example, ((dq, dk), dv))| {
        let own = shape.query_start(example) * d..(shape.query_start(example) + shape.queries(example)) * d;
        let kept = &probabilities[starts[example]..starts[example] + shape.probabilities(example)];
        one(example, shape.example(example, operands), [&gradient[own], kept], [dq, dk, dv])
    });
    let all = all.collect();
    ([dq, dk, dv], all)
}
