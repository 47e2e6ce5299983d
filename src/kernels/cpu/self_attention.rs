//! [`SelfAttention`] on the CPU: three projections and [`Attention`].

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn_flex::FlexTensor;

use super::attention::SavedAttention;
use super::matmul::multiply_all;
use super::products::product;
use super::tensors::{factor, matrix, shape, tensor};
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

/// What attention reads, and the factors of its projections.
struct Projected {
    operands: [FlexTensor; 6],
    x: FlexTensor,
    weights: [FlexTensor; 3],
}

impl Projected {
    fn new(operands: [FlexTensor; 7], precision: MatmulPrecision) -> Self {
        let [x, query, query_bias, key, key_bias, value, value_bias] = operands;
        let x = factor(x);
        let weights = [query, key, value].map(factor);
        let [query, key, value] = multiply_all(matrix(&x), weights.each_ref(), precision);
        Self { operands: [query, query_bias, key, key_bias, value, value_bias], x, weights }
    }
}

impl Kernel<Flex, 7> for SelfAttention {
    type Saved = SavedSelfAttention;

    fn forward(self, operands: [FlexTensor; 7]) -> (FlexTensor, Self::Saved) {
        let precision = self.0.precision;
        let Projected { operands, x, weights } = Projected::new(operands, precision);
        let (out, attention) = Kernel::<Flex, 6>::forward(self.0, operands);
        (out, SavedSelfAttention { x, weights, precision, attention })
    }

    fn output(self, operands: [FlexTensor; 7]) -> FlexTensor {
        let projected = Projected::new(operands, self.0.precision);
        Kernel::<Flex, 6>::output(self.0, projected.operands)
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 7] {
        let SavedSelfAttention { x, weights, precision, attention } = saved;
        let [query, query_bias, key, key_bias, value, value_bias] = <Attention as Kernel<Flex, 6>>::backward(attention, gradient);
        let gradients = [query, key, value].map(factor);
        let of_x =
            |which: usize| tensor(product(matrix(&gradients[which]), matrix(&weights[which]).transposed(), precision), shape(&x));
        let [query_x, key_x, value_x] = [0, 1, 2].map(of_x);
        let [query, key, value] = multiply_all(matrix(&x).transposed(), gradients.each_ref(), precision);
        let of_x = Flex::float_add(Flex::float_add(query_x, key_x), value_x);
        [of_x, query, query_bias, key, key_bias, value, value_bias]
    }
}
