//! The operations over tensors of Burn's CubeCL backend, on whatever GPU they lie.

use std::sync::Arc;

use burn::backend::ops::FloatTensorOps;
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;

use super::attention::Attended;
use super::norm::{self, Closed};
use super::reduce::{square_sum, sum_by_place};
use super::{adamw, embed, gelu};
use crate::kernels::Words;
use crate::kernels::operations::{Attending, Closing, Embedding, Moved, Rule, Update};
use crate::kernels::passes::Passes;

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

    fn project_forward([x, weight]: [CubeTensor; 2]) -> CubeTensor {
        Self::float_matmul(x, weight)
    }

    fn project_backward([x, weight]: [CubeTensor; 2], gradient: CubeTensor) -> [CubeTensor; 2] {
        let of_x = Self::float_matmul(gradient.clone(), Self::float_swap_dims(weight, 0, 1));
        let of_weight = Self::float_matmul(Self::float_swap_dims(x, 0, 1), gradient);
        [of_x, of_weight]
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
}

impl Update for Cube {
    fn adamw(
        x: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        rule: Rule,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        adamw::step([x, first, second], gradient, rule)
    }

    fn adamw_words(
        x: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        words: Arc<Words>,
        _: Moved,
        rule: Rule,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        adamw::step_rows([x, first, second], gradient, &words.ids, rule)
    }

    fn add_words(a: CubeTensor, of_a: Arc<Words>, b: CubeTensor, of_b: Arc<Words>, both: Arc<Words>) -> CubeTensor {
        let places = both.places_of(&[&*of_a.ids, &*of_b.ids].concat());
        sum_by_place(Self::float_cat(vec![a, b], 0), &places, both.ids.len())
    }

    fn square_sum(x: CubeTensor) -> CubeTensor {
        square_sum(x)
    }
}
