//! [`DisentangledAttention`] and [`BiasedAttention`] on the CPU: attention with scores that depend on relative positions.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::attention::{biased, with_biases};
use super::example_attention::{ExampleAttention, backward, backward_heads, forward, forward_heads, output};
use super::relative::Distances;
use super::relative_terms::{RelativeOperands, RelativeTerms};
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape as shape_of, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{Attention, BiasedAttention, DisentangledAttention, ResidentDistanceRows};

vectorized! {
    fn forward_example(example: ExampleAttention<'_>, terms: &mut RelativeTerms<'_>, out: &mut [f32], kept: Option<&mut [f32]>) {
        forward_heads(example, terms, out, kept);
    }
}

vectorized! {
    fn backward_example(
        example: ExampleAttention<'_>, terms: &mut RelativeTerms<'_>, gradient: &[f32], probabilities: &[f32],
        gradients: [&mut [f32]; 3],
    ) {
        backward_heads(example, terms, gradient, probabilities, gradients);
    }
}

/// The operands by rows of relative positions; `None` if scores do not have that term.
#[derive(Clone, Debug, Default)]
struct Tables {
    /// `[rows, d]`.
    key: Option<FlexTensor>,
    /// `[rows, d]`.
    query: Option<FlexTensor>,
    /// `[rows, heads]`.
    bias: Option<FlexTensor>,
}

impl Tables {
    /// Returns the rows that an example uses.
    fn of<'a>(&'a self, distances: &'a Distances, first_row: usize) -> RelativeOperands<'a> {
        let rows = distances.table_rows();
        let part = |table: &'a FlexTensor| {
            let width = shape_of(table)[1];
            &numbers(table)[(rows.start - first_row) * width..(rows.end - first_row) * width]
        };
        let [key, query, bias] = [&self.key, &self.query, &self.bias].map(|table| table.as_ref().map(part));
        RelativeOperands { key, query, bias, distances }
    }
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedRelativeAttention {
    operands: [FlexTensor; 6],
    tables: Tables,
    attention: Attention,
    first_row: usize,
    rows: Arc<ResidentDistanceRows>,
    probabilities: Arc<Vec<f32>>,
}

/// The gradients of the rows that one example uses.
struct RowGradients {
    rows: Range<usize>,
    /// As in [`Tables`]; empty without that term.
    of: [Vec<f32>; 3],
}

impl SavedRelativeAttention {
    fn width(&self) -> usize {
        shape_of(&self.operands[1])[0]
    }

    fn distances(&self, example: usize) -> Distances {
        let shape = self.attention.shape();
        Distances::new(&self.rows, shape.queries(example), shape.batch.length(example))
    }

    fn forward_example(&self, number: usize, example: ExampleAttention<'_>, out: &mut [f32], kept: Option<&mut [f32]>) {
        let distances = self.distances(number);
        let mut terms = RelativeTerms::new(self.tables.of(&distances, self.first_row), self.width(), self.attention.heads);
        forward_example(example, &mut terms, out, kept);
    }

    fn output(&self) -> FlexTensor {
        let one =
            |number: usize, example: ExampleAttention<'_>, out: &mut [f32]| self.forward_example(number, example, out, None);
        tensor(output(biased(&self.operands), &self.attention.shape(), one), shape_of(&self.operands[0]))
    }

    fn forward(mut self) -> (FlexTensor, Self) {
        let one = |number: usize, example: ExampleAttention<'_>, out: &mut [f32], kept: Option<&mut [f32]>| {
            self.forward_example(number, example, out, kept);
        };
        let (out, probabilities) = forward(biased(&self.operands), &self.attention.shape(), one);
        self.probabilities = Arc::new(probabilities);
        (tensor(out, shape_of(&self.operands[0])), self)
    }

    /// Returns the gradients of the operands of attention, and those of the tables.
    fn backward(&self, gradient: &[f32]) -> ([FlexTensor; 6], [Option<FlexTensor>; 3]) {
        let (d, heads) = (self.width(), self.attention.heads);
        let one = |number: usize, example: ExampleAttention<'_>, [gradient, kept]: [&[f32]; 2], gradients: [&mut [f32]; 3]| {
            let distances = self.distances(number);
            let rows = distances.table_rows();
            let mut terms = RelativeTerms::new(self.tables.of(&distances, self.first_row), d, heads);
            backward_example(example, &mut terms, gradient, kept, gradients);
            RowGradients { rows: rows.start - self.first_row..rows.end - self.first_row, of: terms.into_gradients() }
        };
        let (gradients, parts) = backward(gradient, &self.probabilities, biased(&self.operands), &self.attention.shape(), one);
        let tables = [&self.tables.key, &self.tables.query, &self.tables.bias];
        let of_table = |which: usize| tables[which].as_ref().map(|table| add_in_order(&parts, which, table));
        (with_biases(&self.operands, gradients), [0, 1, 2].map(of_table))
    }
}

/// Adds the gradients of all examples to each row, in their order, so that threads change no sum.
fn add_in_order(parts: &[RowGradients], which: usize, like: &FlexTensor) -> FlexTensor {
    let (shape, width) = (shape_of(like), shape_of(like)[1]);
    let mut sums = vec![0.0; numbers(like).len()];
    sums.par_chunks_mut(width).enumerate().for_each(|(row, sums)| {
        for part in parts.iter().filter(|part| part.rows.contains(&row)) {
            let start = (row - part.rows.start) * width;
            sums.iter_mut().zip(&part.of[which][start..start + width]).for_each(|(sum, value)| *sum += value);
        }
    });
    tensor(sums, shape)
}

impl DisentangledAttention {
    /// Returns the operands as they are saved, before the forward pass, and the shapes of the rows of relative positions.
    fn saved(self, operands: [FlexTensor; 8]) -> (SavedRelativeAttention, [Vec<usize>; 2]) {
        let [query, query_bias, key, key_bias, value, value_bias, position_key, position_query] = operands.map(dense);
        let shapes = [&position_key, &position_query].map(shape_of);
        let tables = Tables {
            key: self.has_position_keys.then_some(position_key),
            query: self.has_position_queries.then_some(position_query),
            bias: None,
        };
        let (attention, first_row, rows) = (self.attention, self.first_row, self.rows);
        let operands = [query, query_bias, key, key_bias, value, value_bias];
        (SavedRelativeAttention { operands, tables, attention, first_row, rows, probabilities: Arc::default() }, shapes)
    }
}

impl BiasedAttention {
    /// Returns the operands as they are saved, before the forward pass.
    fn saved(self, operands: [FlexTensor; 7]) -> SavedRelativeAttention {
        let [query, query_bias, key, key_bias, value, value_bias, bias] = operands.map(dense);
        let tables = Tables { bias: Some(bias), ..Tables::default() };
        let (attention, rows) = (self.attention, self.rows);
        let operands = [query, query_bias, key, key_bias, value, value_bias];
        SavedRelativeAttention { operands, tables, attention, first_row: 0, rows, probabilities: Arc::default() }
    }
}

impl Kernel<Flex, 8> for DisentangledAttention {
    /// With the shapes of the rows of relative positions, which may not count.
    type Saved = (SavedRelativeAttention, [Vec<usize>; 2]);

    fn forward(self, operands: [FlexTensor; 8]) -> (FlexTensor, Self::Saved) {
        let (saved, shapes) = self.saved(operands);
        let (out, saved) = saved.forward();
        (out, (saved, shapes))
    }

    fn output(self, operands: [FlexTensor; 8]) -> FlexTensor {
        self.saved(operands).0.output()
    }

    fn backward((saved, shapes): Self::Saved, gradient: FlexTensor) -> [FlexTensor; 8] {
        let ([query, query_bias, key, key_bias, value, value_bias], [position_key, position_query, _]) =
            saved.backward(numbers(&dense(gradient)));
        let or_zeros = |rows: Option<FlexTensor>, shape: &Vec<usize>| {
            rows.unwrap_or_else(|| tensor(vec![0.0; shape.iter().product()], shape.clone()))
        };
        let (position_key, position_query) = (or_zeros(position_key, &shapes[0]), or_zeros(position_query, &shapes[1]));
        [query, query_bias, key, key_bias, value, value_bias, position_key, position_query]
    }
}

impl Kernel<Flex, 7> for BiasedAttention {
    type Saved = SavedRelativeAttention;

    fn forward(self, operands: [FlexTensor; 7]) -> (FlexTensor, Self::Saved) {
        self.saved(operands).forward()
    }

    fn output(self, operands: [FlexTensor; 7]) -> FlexTensor {
        self.saved(operands).output()
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 7] {
        let ([query, query_bias, key, key_bias, value, value_bias], [_, _, bias]) = saved.backward(numbers(&dense(gradient)));
        let bias = bias.unwrap_or_else(|| unreachable!("the operation has a table of biases"));
        [query, query_bias, key, key_bias, value, value_bias, bias]
    }
}
