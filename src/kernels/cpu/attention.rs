//! [`Attention`] on the CPU.

use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::example_attention::{
    AttentionShape, Biased, ExampleAttention, NoTerms, backward, backward_heads, forward, forward_heads,
};
use super::reduce::column_sums;
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape as shape_of, tensor};
use crate::kernels::Attention;
use crate::kernels::operation::Kernel;

vectorized! {
    fn forward_example(example: ExampleAttention<'_>, out: &mut [f32], probabilities: &mut [f32]) {
        forward_heads(example, &mut NoTerms, out, probabilities);
    }
}

vectorized! {
    fn backward_example(
        example: ExampleAttention<'_>, gradient: &[f32], probabilities: &[f32], gradients: [&mut [f32]; 3],
    ) {
        backward_heads(example, &mut NoTerms, gradient, probabilities, gradients);
    }
}

impl Attention {
    /// Returns the options that attention on the CPU depends on.
    pub(super) fn shape(&self) -> AttentionShape<'_> {
        AttentionShape { batch: &self.batch, heads: self.heads, queries: self.queries, dropout: self.dropout.as_ref() }
    }
}

/// Returns queries, keys and values, each with its bias.
pub fn biased(operands: &[FlexTensor; 6]) -> [Biased<'_>; 3] {
    [0, 2, 4].map(|index| Biased { rows: numbers(&operands[index]), bias: numbers(&operands[index + 1]) })
}

/// Returns the gradients of queries, keys and values, each followed by its bias's.
pub fn with_biases(operands: &[FlexTensor; 6], gradients: [Vec<f32>; 3]) -> [FlexTensor; 6] {
    let d = shape_of(&operands[1])[0];
    let [query_bias, key_bias, value_bias] = gradients.each_ref().map(|rows| tensor(column_sums(rows, d), [d]));
    let [query, key, value] = gradients;
    let matrix = |values: Vec<f32>, like: usize| tensor(values, shape_of(&operands[like]));
    [matrix(query, 0), query_bias, matrix(key, 2), key_bias, matrix(value, 4), value_bias]
}

/// The operands, and the probabilities that the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedAttention {
    operands: [FlexTensor; 6],
    options: Attention,
    probabilities: Arc<Vec<f32>>,
}

impl Kernel<Flex, 6> for Attention {
    type Saved = SavedAttention;

    fn forward(self, operands: [FlexTensor; 6]) -> (FlexTensor, Self::Saved) {
        let operands = operands.map(dense);
        let one = |_, example: ExampleAttention<'_>, out: &mut [f32], kept: &mut [f32]| forward_example(example, out, kept);
        let (out, probabilities) = forward(biased(&operands), &self.shape(), one);
        let out = tensor(out, shape_of(&operands[0]));
        (out, SavedAttention { operands, options: self, probabilities: Arc::new(probabilities) })
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 6] {
        let SavedAttention { operands, options, probabilities } = saved;
        let gradient = dense(gradient);
        let one = |_, example: ExampleAttention<'_>, [gradient, kept]: [&[f32]; 2], gradients: [&mut [f32]; 3]| {
            backward_example(example, gradient, kept, gradients);
        };
        let (gradients, _) = backward(numbers(&gradient), &probabilities, biased(&operands), &options.shape(), one);
        with_biases(&operands, gradients)
    }
}
