//! The products of one matrix with several others of one size, as one launch each way: alone they would leave most of a large
//! GPU idle.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::product::{factor, multiply, turned};
use super::stack::{alone, layers, stack_room, stacked, sum_of_layers};
use super::tensors::sizes;
use crate::kernels::operations::Products;

/// What they leave for their backward pass.
#[derive(Clone, Debug)]
pub struct Projected {
    /// The matrix, as it was multiplied,
    x: CubeTensor,
    /// and the others, behind each other.
    weights: CubeTensor,
    how: Products,
}

/// x · w for each w.
pub fn forward(x: CubeTensor, weights: [CubeTensor; 3], how: Products) -> ([CubeTensor; 3], Projected) {
    let x = factor(x, how);
    let ((rows, _), (_, columns)) = (sizes(&x), sizes(&weights[0]));
    let weights = stacked(weights.map(|weight| factor(weight, how)));
    let out = stack_room(&x, 3, [rows, columns], DType::F32);
    multiply(alone(x.clone()), weights.clone(), out.clone(), how);
    (layers(&out), Projected { x, weights, how })
}

/// dL/dx, and dL/dw for each w.
pub fn backward(projected: Projected, gradients: [CubeTensor; 3]) -> (CubeTensor, [CubeTensor; 3]) {
    let Projected { x, weights, how } = projected;
    let ((rows, width), (_, columns)) = (sizes(&x), sizes(&gradients[0]));
    let gradients = stacked(gradients.map(|gradient| factor(gradient, how)));
    let of_x = stack_room(&x, 3, [rows, width], DType::F32);
    multiply(gradients.clone(), turned(weights), of_x.clone(), how);
    let of_weights = stack_room(&x, 3, [width, columns], DType::F32);
    multiply(turned(alone(x)), gradients, of_weights.clone(), how);
    (sum_of_layers(&of_x), layers(&of_weights))
}
