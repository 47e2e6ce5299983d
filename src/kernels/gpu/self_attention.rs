//! [`SelfAttention`] on a GPU: [`Attention`], and the three projections as batched products, since one product alone would
//! leave most of a large GPU idle.

use burn::tensor::DType;
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;

use super::attention::SavedAttention;
use super::matmul::{factor, multiply, transposed};
use super::matrix_batch::{batched, empty_batch, matrices, sum_of_matrices, unsqueezed};
use super::tensors::sizes;
use crate::kernels::operation::Kernel;
use crate::kernels::{Attention, MatmulPrecision, SelfAttention};

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedSelfAttention {
    projections: Projections,
    attention: SavedAttention,
}

/// x as rounded for the products, and the weights as a batch.
#[derive(Clone, Debug)]
struct Projections {
    x: CubeTensor,
    weights: CubeTensor,
    precision: MatmulPrecision,
}

impl Projections {
    /// Returns x · w for each w.
    fn forward(x: CubeTensor, weights: [CubeTensor; 3], precision: MatmulPrecision) -> ([CubeTensor; 3], Self) {
        let x = factor(x, precision);
        let ((rows, _), (_, columns)) = (sizes(&x), sizes(&weights[0]));
        let weights = batched(weights.map(|weight| factor(weight, precision)));
        let out = empty_batch(&x, 3, [rows, columns], DType::F32);
        multiply(unsqueezed(x.clone()), weights.clone(), out.clone(), precision);
        (matrices(&out), Self { x, weights, precision })
    }

    /// Returns dL/dx, and dL/dw for each w.
    fn backward(self, gradients: [CubeTensor; 3]) -> (CubeTensor, [CubeTensor; 3]) {
        let Self { x, weights, precision } = self;
        let ((rows, width), (_, columns)) = (sizes(&x), sizes(&gradients[0]));
        let gradients = batched(gradients.map(|gradient| factor(gradient, precision)));
        let of_x = empty_batch(&x, 3, [rows, width], DType::F32);
        multiply(gradients.clone(), transposed(weights), of_x.clone(), precision);
        let of_weights = empty_batch(&x, 3, [width, columns], DType::F32);
        multiply(transposed(unsqueezed(x)), gradients, of_weights.clone(), precision);
        (sum_of_matrices(&of_x), matrices(&of_weights))
    }
}

impl Kernel<Cube, 7> for SelfAttention {
    type Saved = SavedSelfAttention;

    fn forward(self, operands: [CubeTensor; 7]) -> (CubeTensor, Self::Saved) {
        let [x, query, query_bias, key, key_bias, value, value_bias] = operands;
        let ([query, key, value], projections) = Projections::forward(x, [query, key, value], self.0.precision);
        let (out, attention) = Kernel::<Cube, 6>::forward(self.0, [query, query_bias, key, key_bias, value, value_bias]);
        (out, SavedSelfAttention { projections, attention })
    }

    fn backward(saved: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 7] {
        let [query, query_bias, key, key_bias, value, value_bias] =
            <Attention as Kernel<Cube, 6>>::backward(saved.attention, gradient);
        let (x, [query, key, value]) = saved.projections.backward([query, key, value]);
        [x, query, query_bias, key, key_bias, value, value_bias]
    }
}
