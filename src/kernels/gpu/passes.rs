//! The operations over tensors of Burn's CubeCL backend, on whatever GPU they lie.

use std::sync::Arc;

use burn::backend::ops::FloatTensorOps;
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;

use super::attention::Attended;
use super::norm::{self, Closed};
use super::product::product;
use super::reduce::{norm, sum_by_place};
use super::tensors::shape;
use super::{adamw, embed, gelu, loss};
use crate::kernels::operations::{Attending, Closing, Embedding, Judging, Products, Rule, Touched, Update};
use crate::kernels::passes::Passes;
use crate::kernels::{Several, Words};

impl Passes for Cube {
    type Attended = Attended;
    type Closed = Closed;

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

    fn product_forward([a, b]: [CubeTensor; 2], how: Products) -> CubeTensor {
        product(a, b, how)
    }

    fn product_backward([a, b]: [CubeTensor; 2], how: Products, gradient: CubeTensor) -> [CubeTensor; 2] {
        let turned = |x: CubeTensor| {
            let dimensions = shape(&x).len();
            Self::float_swap_dims(x, dimensions - 2, dimensions - 1)
        };
        [product(gradient.clone(), turned(b), how), product(turned(a), gradient, how)]
    }

    fn bias_gelu_forward(operands: [CubeTensor; 2]) -> CubeTensor {
        gelu::forward(operands)
    }

    fn bias_gelu_backward(operands: [CubeTensor; 2], gradient: CubeTensor) -> [CubeTensor; 2] {
        gelu::backward(operands, gradient)
    }

    fn close_forward(operands: [CubeTensor; 5], how: Closing) -> (CubeTensor, Closed) {
        norm::close(operands, how)
    }

    fn close_backward(closed: Closed, gradient: CubeTensor) -> [CubeTensor; 5] {
        norm::close_backward(&closed, gradient)
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
        rules: Vec<Rule>,
    ) -> (Several<Self>, Several<Self>, Several<Self>) {
        let [x, first, second] = adamw::step([parameters.0, gradients.0, first.0, second.0], clip, &rules);
        (Several(x), Several(first), Several(second))
    }

    fn adamw_words(
        x: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        clip: CubeTensor,
        rows: Touched,
        rule: Rule,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        adamw::step_rows([x, first, second], (gradient, &rows.words.ids), clip, rule)
    }

    fn add_words(a: CubeTensor, of_a: Arc<Words>, b: CubeTensor, of_b: Arc<Words>, both: Arc<Words>) -> CubeTensor {
        let places = both.places_of(&[&*of_a.ids, &*of_b.ids].concat());
        sum_by_place(Self::float_cat(vec![a, b], 0), &places, both.ids.len())
    }

    fn norm(gradients: Several<Self>) -> CubeTensor {
        norm(gradients.0)
    }
}
