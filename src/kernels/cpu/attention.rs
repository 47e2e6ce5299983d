//! [`Attention`] on the CPU.

use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::example_attention::{
    AttentionShape, Biased, ExampleAttention, NoTerms, backward, backward_heads, forward, forward_heads, output,
};
use super::reduce::column_sums;
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape as shape_of, tensor};
use crate::kernels::Attention;
use crate::kernels::operation::Kernel;

vectorized! {
    fn forward_example(example: ExampleAttention<'_>, out: &mut [f32], kept: Option<&mut [f32]>) {
        forward_heads(example, &mut NoTerms, out, kept);
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
        AttentionShape {
            batch: &self.batch,
            heads: self.heads,
            queries: self.queries,
            precision: self.precision,
            dropout: self.dropout.as_ref(),
        }
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
        let (out, probabilities) =
            forward(biased(&operands), &self.shape(), |_, example, out, kept| forward_example(example, out, kept));
        let out = tensor(out, shape_of(&operands[0]));
        (out, SavedAttention { operands, options: self, probabilities: Arc::new(probabilities) })
    }

    fn output(self, operands: [FlexTensor; 6]) -> FlexTensor {
        let operands = operands.map(dense);
        let out = output(biased(&operands), &self.shape(), |_, example, out| forward_example(example, out, None));
        tensor(out, shape_of(&operands[0]))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::ops::gradcheck::{draw, dropout, widened};
    use crate::kernels::{MatmulPrecision, Queries, RaggedBatch};

    const LENGTH: usize = 21;
    const WIDTH: usize = 6;
    const HEADS: usize = 2;
    const D: usize = HEADS * WIDTH;

    fn rounded(values: &[f64]) -> Vec<f64> {
        values.iter().map(|value| half::bf16::from_f32(*value as f32).to_f64()).collect()
    }

    /// Returns a · b of rounded factors, `[m, k]` and `[k, n]`.
    fn product(a: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
        let (a, b) = (rounded(a), rounded(b));
        (0..m * n).map(|at| (0..k).map(|l| a[at / n * k + l] * b[l * n + at % n]).sum()).collect()
    }

    fn transposed(a: &[f64], rows: usize) -> Vec<f64> {
        let columns = a.len() / rows;
        (0..a.len()).map(|at| a[at % rows * columns + at / rows]).collect()
    }

    /// Returns O and the gradients of queries, keys and values of a head, from products of rounded factors.
    fn formula([query, key, value, gradient]: [Vec<f64>; 4], factors: &[f64]) -> [Vec<f64>; 4] {
        let scale = 1.0 / (WIDTH as f64).sqrt();
        let scaled: Vec<f64> = query.iter().map(|query| query * scale).collect();
        let scores = product(&scaled, &transposed(&key, LENGTH), [LENGTH, WIDTH, LENGTH]);
        let row = |scores: &[f64]| {
            let total: f64 = scores.iter().map(|score| score.exp()).sum();
            scores.iter().map(|score| score.exp() / total).collect::<Vec<_>>()
        };
        let p: Vec<f64> = scores.chunks(LENGTH).flat_map(row).collect();
        let dropped: Vec<f64> = p.iter().zip(factors).map(|(p, factor)| p * factor).collect();
        let of_p = product(&gradient, &transposed(&value, LENGTH), [LENGTH, WIDTH, LENGTH]);
        let of_p: Vec<f64> = of_p.iter().zip(factors).map(|(of_p, factor)| of_p * factor).collect();
        let row = |(p, of_p): (&[f64], &[f64])| {
            let along: f64 = p.iter().zip(of_p).map(|(p, of_p)| p * of_p).sum();
            p.iter().zip(of_p).map(|(p, of_p)| p * (of_p - along)).collect::<Vec<_>>()
        };
        let of_scores: Vec<f64> = p.chunks(LENGTH).zip(of_p.chunks(LENGTH)).flat_map(row).collect();
        let of_query = product(&of_scores, &key, [LENGTH, LENGTH, WIDTH]).iter().map(|value| value * scale).collect();
        [
            product(&dropped, &value, [LENGTH, LENGTH, WIDTH]),
            of_query,
            product(&transposed(&of_scores, LENGTH), &scaled, [LENGTH, LENGTH, WIDTH]),
            product(&transposed(&dropped, LENGTH), &gradient, [LENGTH, LENGTH, WIDTH]),
        ]
    }

    #[test]
    fn attention_in_bf16_rounds_the_factors_of_its_products_and_nothing_else() {
        let batch = RaggedBatch::new([(&*vec![0; LENGTH], &*vec![0; LENGTH])].into_iter()).resident();
        let mask = dropout(3);
        let options =
            Attention { batch, heads: HEADS, queries: Queries::All, precision: MatmulPrecision::Bf16, dropout: Some(mask) };
        let [query, key, value, gradient] = [1, 2, 3, 4].map(|seed| draw(seed, LENGTH * D));
        let bias = || tensor(vec![0.0; D], [D]);
        let matrix = |values: &[f32]| tensor(values.to_vec(), [LENGTH, D]);
        let operands = [matrix(&query), bias(), matrix(&key), bias(), matrix(&value), bias()];
        let (out, saved) = Kernel::<Flex, 6>::forward(options.clone(), operands.clone());
        assert_eq!(numbers(&out), numbers(&Kernel::<Flex, 6>::output(options, operands)));
        let [of_query, _, of_key, _, of_value, _] = <Attention as Kernel<Flex, 6>>::backward(saved, matrix(&gradient));
        for head in 0..HEADS {
            let part = |rows: &[f32]| -> Vec<f64> {
                widened(rows).chunks(D).flat_map(|row| row[head * WIDTH..][..WIDTH].to_vec()).collect()
            };
            let row = |query: usize| {
                let mut factors = [1.0; LENGTH];
                mask.attention_row(query, head, HEADS, &mut factors);
                widened(&factors)
            };
            let factors: Vec<f64> = (0..LENGTH).flat_map(row).collect();
            let expected = formula([&query, &key, &value, &gradient].map(|rows| part(rows)), &factors);
            for ((name, ours), expected) in
                ["output", "query", "key", "value"].into_iter().zip([&out, &of_query, &of_key, &of_value]).zip(&expected)
            {
                let ours = part(numbers(ours));
                // A factor close to the middle of two bf16 numbers may round the other way in f64: one of these changes a row or a column.
                let apart = ours.iter().zip(expected).filter(|(a, b)| (*a - *b).abs() > 2e-5).count();
                assert!(apart <= LENGTH, "{name}, head {head}: {apart} of {} apart", ours.len());
                let worst = ours.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(worst < 2e-2, "{name}, head {head}: {worst:e} apart");
            }
        }
    }
}
