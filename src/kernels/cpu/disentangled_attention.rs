//! [`DisentangledAttention`] on the CPU.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::attention::{AttentionShape, Biased, ExampleAttention, gather, one_example, scatter, softmax, softmax_gradient};
use super::buffer::zeros;
use super::reduce::column_sums;
use super::relative::{Distances, add_by_key, add_by_query, sum_by_key, sum_by_query};
use super::simd::vectorized;
use super::small_matmul::{LANES, product, transpose};
use super::tensors::{dense, numbers, shape as shape_of, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{Attention, DisentangledAttention};

/// The rows of relative positions that one example uses, `[rows, d]`; `None` if scores do not depend on them.
#[derive(Clone, Copy)]
struct ExamplePositions<'a> {
    key: Option<&'a [f32]>,
    query: Option<&'a [f32]>,
    distances: &'a Distances,
    /// √(width · kinds).
    divisor: f32,
}

/// The gradients of one example's rows of relative positions.
#[derive(Default)]
struct PositionGradients {
    rows: Range<usize>,
    key: Vec<f32>,
    query: Vec<f32>,
}

vectorized! {
    fn forward_example(example: ExampleAttention<'_>, positions: ExamplePositions<'_>, out: &mut [f32], probabilities: &mut [f32]) {
        let (queries, keys, width) = example.sizes();
        let (d, wide, long) = (example.query.bias.len(), width.next_multiple_of(LANES), keys.next_multiple_of(LANES));
        let (distances, rows) = (positions.distances, positions.distances.rows());
        let (far, scale, nothing) = (rows.next_multiple_of(LANES), 1.0 / positions.divisor, vec![0.0_f32; d]);
        let (mut q, mut k, mut v) = (vec![0.0; queries * wide], vec![0.0; keys * wide], vec![0.0; keys * wide]);
        let (mut kt, mut s, mut o) = (vec![0.0; wide * long], vec![0.0; queries * long], vec![0.0; queries * wide]);
        let (mut p, mut pt, mut scores) = (vec![0.0; rows * wide], vec![0.0; wide * far], vec![0.0; queries.max(keys) * far]);
        let mut factors = vec![1.0_f32; long];
        for head in 0..example.heads {
            gather(example.query, head, width, scale, &mut q, wide);
            gather(example.key, head, width, 1.0, &mut k, wide);
            gather(example.value, head, width, 1.0, &mut v, wide);
            transpose(&k, wide, &mut kt, long, (keys, width));
            product(&q, wide, &kt, &mut s, (queries, long, width));
            if let Some(rows_of_keys) = positions.key {
                gather(Biased { rows: rows_of_keys, bias: &nothing }, head, width, 1.0, &mut p, wide);
                transpose(&p, wide, &mut pt, far, (rows, width));
                product(&q, wide, &pt, &mut scores, (queries, far, width));
                add_by_query(distances, (&scores, far), (&mut s, long));
            }
            if let Some(rows_of_queries) = positions.query {
                gather(Biased { rows: rows_of_queries, bias: &nothing }, head, width, scale, &mut p, wide);
                transpose(&p, wide, &mut pt, far, (rows, width));
                product(&k, wide, &pt, &mut scores, (keys, far, width));
                add_by_key(distances, (&scores, far), (&mut s, long));
            }
            let kept = &mut probabilities[head * queries * keys..(head + 1) * queries * keys];
            softmax(&example, head, (&mut s, long), kept, &mut factors);
            product(&s, long, &v, &mut o, (queries, wide, keys));
            scatter(&o, wide, out, d, head, width, 1.0);
        }
    }
}

vectorized! {
    fn backward_example(
        example: ExampleAttention<'_>, positions: ExamplePositions<'_>, gradient: &[f32], probabilities: &[f32],
        query: &mut [f32], key: &mut [f32], value: &mut [f32], of_positions: &mut PositionGradients,
    ) {
        let (queries, keys, width) = example.sizes();
        let (d, wide, long) = (example.query.bias.len(), width.next_multiple_of(LANES), keys.next_multiple_of(LANES));
        let (distances, rows) = (positions.distances, positions.distances.rows());
        let (far, scale, nothing) = (rows.next_multiple_of(LANES), 1.0 / positions.divisor, vec![0.0_f32; d]);
        let most = queries.max(keys);
        let (mut q, mut g) = (vec![0.0; queries * wide], vec![0.0; queries * wide]);
        let (mut k, mut v, mut vt) = (vec![0.0; keys * wide], vec![0.0; keys * wide], vec![0.0; wide * long]);
        let (mut s, mut dropped) = (vec![0.0; queries * long], vec![0.0; queries * long]);
        let (mut transposed, mut dq, mut dk) = (vec![0.0; long * queries], vec![0.0; queries * wide], vec![0.0; keys * wide]);
        let (mut p, mut dp, mut scores) = (vec![0.0; rows * wide], vec![0.0; rows * wide], vec![0.0; most * far]);
        let (mut more, mut scores_t) = (vec![0.0; most * wide], vec![0.0; far * most]);
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
            transpose(&s, long, &mut transposed, queries, (queries, keys));
            product(&transposed, queries, &q, &mut dk, (keys, wide, queries));
            if let Some(rows_of_keys) = positions.key {
                gather(Biased { rows: rows_of_keys, bias: &nothing }, head, width, 1.0, &mut p, wide);
                sum_by_query(distances, (&s, long), (&mut scores[..queries * far], far));
                product(&scores, far, &p, &mut more, (queries, wide, rows));
                dq.iter_mut().zip(&more).for_each(|(sum, more)| *sum += more);
                transpose(&scores, far, &mut scores_t, queries, (queries, rows));
                product(&scores_t, queries, &q, &mut dp, (rows, wide, queries));
                scatter(&dp, wide, &mut of_positions.key, d, head, width, 1.0);
            }
            if let Some(rows_of_queries) = positions.query {
                gather(Biased { rows: rows_of_queries, bias: &nothing }, head, width, scale, &mut p, wide);
                sum_by_key(distances, (&s, long), (&mut scores[..keys * far], far));
                product(&scores, far, &p, &mut more, (keys, wide, rows));
                dk.iter_mut().zip(&more).for_each(|(sum, more)| *sum += more);
                transpose(&scores, far, &mut scores_t, keys, (keys, rows));
                product(&scores_t, keys, &k, &mut dp, (rows, wide, keys));
                scatter(&dp, wide, &mut of_positions.query, d, head, width, scale);
            }
            scatter(&dq, wide, query, d, head, width, scale);
            scatter(&dk, wide, key, d, head, width, 1.0);
        }
    }
}

/// The operands, and the probabilities that the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedDisentangledAttention {
    operands: [FlexTensor; 8],
    options: DisentangledAttention,
    probabilities: Arc<Vec<f32>>,
}

impl SavedDisentangledAttention {
    fn biased(&self, index: usize) -> Biased<'_> {
        Biased { rows: numbers(&self.operands[index]), bias: numbers(&self.operands[index + 1]) }
    }

    fn shape(&self) -> AttentionShape<'_> {
        let Attention { batch, heads, queries, dropout, .. } = &self.options.attention;
        AttentionShape { batch, heads: *heads, queries: *queries, dropout: dropout.as_ref() }
    }

    fn width(&self) -> usize {
        numbers(&self.operands[1]).len()
    }

    /// The part of one example.
    fn example(&self, example: usize) -> ExampleAttention<'_> {
        one_example(&self.shape(), example, self.biased(0), self.biased(2), self.biased(4))
    }

    fn distances(&self, example: usize) -> Distances {
        let shape = self.shape();
        Distances::new(self.options.buckets, shape.queries(example), shape.batch.length(example))
    }

    fn positions<'a>(&'a self, distances: &'a Distances) -> ExamplePositions<'a> {
        let (d, rows) = (self.width(), self.operand_rows(distances));
        let part = |index: usize| &numbers(&self.operands[index])[rows.start * d..rows.end * d];
        ExamplePositions {
            key: self.options.has_position_keys.then(|| part(6)),
            query: self.options.has_position_queries.then(|| part(7)),
            distances,
            divisor: ((d / self.options.attention.heads * self.options.kinds()) as f32).sqrt(),
        }
    }

    /// The rows of the operands that an example uses.
    fn operand_rows(&self, distances: &Distances) -> Range<usize> {
        let first = self.options.first_row;
        distances.table_rows().start - first..distances.table_rows().end - first
    }

    fn forward(&mut self) -> Vec<f32> {
        let shape = self.shape();
        let d = self.width();
        let mut out = zeros(numbers(&self.operands[0]).len());
        let mut probabilities = zeros((0..shape.batch.examples()).map(|example| shape.probabilities(example)).sum());
        let outs = shape.split(&mut out, |example| shape.queries(example) * d);
        let parts = shape.split(&mut probabilities, |example| shape.probabilities(example));
        outs.into_par_iter().zip(parts).enumerate().for_each(|(example, (out, part))| {
            let distances = self.distances(example);
            forward_example(self.example(example), self.positions(&distances), out, part);
        });
        self.probabilities = Arc::new(probabilities);
        out
    }

    /// Returns the gradients of queries, keys, values, and the rows of relative positions.
    fn backward(&self, gradient: &[f32]) -> ([Vec<f32>; 3], [Vec<f32>; 2]) {
        let (shape, d) = (self.shape(), self.width());
        let zeros_like = |index: usize| zeros(numbers(&self.operands[index]).len());
        let [mut dq, mut dk, mut dv] = [0, 2, 4].map(zeros_like);
        let of_queries = |example| shape.queries(example) * d;
        let of_keys = |example| shape.batch.length(example) * d;
        let outs = shape.split(&mut dq, of_queries).into_par_iter();
        let outs = outs.zip(shape.split(&mut dk, of_keys)).zip(shape.split(&mut dv, of_keys));
        let starts = shape.probability_starts();
        let one = |example: usize, [dq, dk, dv]: [&mut [f32]; 3]| {
            let own = shape.query_start(example) * d..(shape.query_start(example) + shape.queries(example)) * d;
            let kept = &self.probabilities[starts[example]..starts[example] + shape.probabilities(example)];
            let distances = self.distances(example);
            let positions = self.positions(&distances);
            let empty = |rows: Option<&[f32]>| vec![0.0; rows.map_or(0, <[f32]>::len)];
            let rows = self.operand_rows(&distances);
            let mut of_positions = PositionGradients { rows, key: empty(positions.key), query: empty(positions.query) };
            backward_example(self.example(example), positions, &gradient[own], kept, dq, dk, dv, &mut of_positions);
            of_positions
        };
        let parts: Vec<PositionGradients> =
            outs.enumerate().map(|(example, ((dq, dk), dv))| one(example, [dq, dk, dv])).collect();
        let [mut of_position_keys, mut of_position_queries] = [6, 7].map(zeros_like);
        add_in_order(&parts, |part| &part.key, &mut of_position_keys, d);
        add_in_order(&parts, |part| &part.query, &mut of_position_queries, d);
        ([dq, dk, dv], [of_position_keys, of_position_queries])
    }
}

/// Adds the gradients of all examples to each row, in their order, so that threads change no sum.
fn add_in_order(parts: &[PositionGradients], which: impl Fn(&PositionGradients) -> &Vec<f32> + Sync, sums: &mut [f32], d: usize) {
    sums.par_chunks_mut(d).enumerate().for_each(|(row, sums)| {
        for part in parts.iter().filter(|part| part.rows.contains(&row)) {
            let start = (row - part.rows.start) * d;
            let rows = which(part).get(start..start + d).unwrap_or_default();
            sums.iter_mut().zip(rows).for_each(|(sum, value)| *sum += value);
        }
    });
}

impl Kernel<Flex, 8> for DisentangledAttention {
    type Saved = SavedDisentangledAttention;

    fn forward(self, operands: [FlexTensor; 8]) -> (FlexTensor, Self::Saved) {
        let operands = operands.map(dense);
        let out_shape = shape_of(&operands[0]);
        let mut saved = SavedDisentangledAttention { operands, options: self, probabilities: Arc::default() };
        (tensor(saved.forward(), out_shape), saved)
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 8] {
        let gradient = dense(gradient);
        let ([dq, dk, dv], [position_key, position_query]) = saved.backward(numbers(&gradient));
        let d = saved.width();
        let [query_bias, key_bias, value_bias] = [&dq, &dk, &dv].map(|rows| tensor(column_sums(rows, d), [d]));
        let matrix = |values: Vec<f32>, like: usize| tensor(values, shape_of(&saved.operands[like]));
        [
            matrix(dq, 0),
            query_bias,
            matrix(dk, 2),
            key_bias,
            matrix(dv, 4),
            value_bias,
            matrix(position_key, 6),
            matrix(position_query, 7),
        ]
    }
}
