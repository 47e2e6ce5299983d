//! The operations over tensors of Burn's CubeCL backend, on whatever GPU they lie.

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;

use super::attention::Attended;
use super::drop::dropped;
use super::norm::{self, Closed};
use super::product::{product, product_backward};
use super::project::{self, Projected};
use super::reduce::norm as norm_of_all;
use super::{adamw, embed, firsts, gelu, loss, round};
use crate::kernels::Several;
use crate::kernels::operations::{Attending, Closing, Dropping, Embedding, Judging, Products, Ruled, Touched, Update};
use crate::kernels::passes::Passes;

impl Passes for Cube {
    type Attended = Attended;
    type Closed = Closed;
    type Projected = Projected;

    fn embed_forward(tables: [CubeTensor; 3], how: &Embedding) -> CubeTensor {
        embed::forward(tables, &how.rows)
    }

    fn embed_backward(how: &Embedding, sizes: [usize; 2], gradient: CubeTensor) -> [CubeTensor; 3] {
        embed::backward(gradient, &how.rows, sizes)
    }

    fn attend_forward(operands: [CubeTensor; 6], how: Attending) -> (CubeTensor, Attended) {
        Attended::forward(operands, how)
    }

    fn attend_backward(attended: Attended, gradient: CubeTensor) -> [CubeTensor; 6] {
        attended.backward(gradient)
    }

    fn open_forward(operands: [CubeTensor; 3], how: Closing) -> (CubeTensor, Closed) {
        norm::open(operands, how)
    }

    fn open_backward(closed: Closed, gradient: CubeTensor) -> [CubeTensor; 3] {
        norm::open_backward(&closed, gradient)
    }

    fn product_forward(factors: [CubeTensor; 2], how: Products) -> (CubeTensor, [CubeTensor; 2]) {
        product(factors, how)
    }

    fn product_backward(factors: [CubeTensor; 2], how: Products, gradient: CubeTensor) -> [CubeTensor; 2] {
        product_backward(factors, how, gradient)
    }

    fn project_forward(x: CubeTensor, weights: [CubeTensor; 3], how: Products) -> ([CubeTensor; 3], Projected) {
        project::forward(x, weights, how)
    }

    fn project_backward(projected: Projected, gradients: [CubeTensor; 3]) -> (CubeTensor, [CubeTensor; 3]) {
        project::backward(projected, gradients)
    }

    fn bias_gelu_forward(operands: [CubeTensor; 2], products: Products) -> CubeTensor {
        gelu::forward(operands, products)
    }

    fn bias_gelu_backward(operands: [CubeTensor; 2], products: Products, gradient: CubeTensor) -> [CubeTensor; 2] {
        gelu::backward(operands, products, gradient)
    }

    fn close_forward(operands: [CubeTensor; 5], how: Closing) -> (CubeTensor, Closed) {
        norm::close(operands, how)
    }

    fn close_backward(closed: Closed, gradient: CubeTensor) -> [CubeTensor; 5] {
        norm::close_backward(&closed, gradient)
    }

    fn firsts_forward(x: CubeTensor, how: &Embedding) -> CubeTensor {
        firsts::forward(x, &how.rows)
    }

    fn firsts_backward(how: &Embedding, rows: usize, gradient: CubeTensor) -> CubeTensor {
        firsts::backward(gradient, &how.rows, rows)
    }

    fn drop(x: CubeTensor, how: &Dropping) -> CubeTensor {
        dropped(x, how)
    }

    fn cross_entropy_forward(logits: CubeTensor, how: &Judging) -> (CubeTensor, CubeTensor) {
        loss::cross_entropy(logits, how)
    }
}

impl Update for Cube {
    fn adamw(
        parameters: Several<Self>,
        gradients: Several<Self>,
        first: Several<Self>,
        second: Several<Self>,
        clip: CubeTensor,
        by: Ruled,
    ) -> (Several<Self>, Several<Self>, Several<Self>) {
        let [x, first, second] = adamw::step([parameters.0, gradients.0, first.0, second.0], clip, &by);
        (Several(x), Several(first), Several(second))
    }

    fn adamw_words(
        x: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        clip: CubeTensor,
        how: Touched,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        adamw::step_rows([x, first, second], gradient, clip, &how)
    }

    fn rounded(parameters: Several<Self>) -> Several<Self> {
        Several(round::rounded(parameters.0))
    }

    fn norm(gradients: Several<Self>) -> CubeTensor {
        norm_of_all(gradients.0)
    }
}
