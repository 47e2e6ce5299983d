//! [`SelfAttention`] on the CPU: three projections and [`Attention`].

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn_flex::FlexTensor;

use super::attention::SavedAttention;
use super::matmul::{gradients, multiply};
use super::tensors::factor;
use crate::kernels::operation::Kernel;
use crate::kernels::{Attention, MatmulPrecision, SelfAttention};

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedSelfAttention {
    x: FlexTensor,
    weights: [FlexTensor; 3],
    precision: MatmulPrecision,
    attention: SavedAttention,
}

impl Kernel<Flex, 7> for SelfAttention {
    type Saved = SavedSelfAttention;

    fn forward(self, operands: [FlexTensor; 7]) -> (FlexTensor, Self::Saved) {
        let [x, query, query_bias, key, key_bias, value, value_bias] = operands;
        let precision = self.0.precision;
        let x = factor(x);
        let weights = [query, key, value].map(factor);
        let [query, key, value] = weights.each_ref().map(|weight| multiply(&x, weight, precision));
        let (out, attention) = Kernel::<Flex, 6>::forward(self.0, [query, query_bias, key, key_bias, value, value_bias]);
        (out, SavedSelfAttention { x, weights, precision, attention })
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 7] {
        let SavedSelfAttention { x, weights, precision, attention } = saved;
        let [query, query_bias, key, key_bias, value, value_bias] = <Attention as Kernel<Flex, 6>>::backward(attention, gradient);
        let [[query_x, query], [key_x, key], [value_x, value]] = [(&weights[0], query), (&weights[1], key), (&weights[2], value)]
            .map(|(weight, gradient)| gradients([&x, weight], precision, gradient));
        let of_x = Flex::float_add(Flex::float_add(query_x, key_x), value_x);
        [of_x, query, query_bias, key, key_bias, value, value_bias]
    }
}
