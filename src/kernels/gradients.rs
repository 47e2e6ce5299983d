//! The operations under automatic differentiation: each registers its backward pass with Burn.

// The methods' full paths would say less.
#![allow(clippy::redundant_closure_for_method_calls)]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn_flex::FlexTensor;

use super::backend::{Attended, Attending, Closed, Closing, Embedding, Fused, dense, matrix, numbers, shape, tensor};
use super::gemm::product;
use super::{embed, gelu};

/// Hands each parent that wants one its gradient.
fn register<const N: usize>(ops: &Ops<impl Sized, N>, gradients: [FlexTensor; N], grads: &mut Gradients) {
    for (parent, gradient) in ops.parents.iter().zip(gradients) {
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Embedded;

impl Backward<Flex, 3> for Embedded {
    type State = (Embedding, [usize; 2], usize);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = dense(grads.consume::<Flex>(&ops.node));
        let (Embedding { rows }, sizes, d) = &ops.state;
        let of = |ids: &[u32], size: usize| tensor(embed::backward(numbers(&gradient), ids, size, *d), [size, *d]);
        let gradients =
            [of(&rows.words.places, rows.words.ids.len()), of(&rows.positions, sizes[0]), of(&rows.segments, sizes[1])];
        register(&ops, gradients, grads);
    }
}

#[derive(Debug)]
struct Attention;

impl Backward<Flex, 6> for Attention {
    type State = Attended;

    fn backward(self, ops: Ops<Self::State, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = dense(grads.consume::<Flex>(&ops.node));
        let gradients = ops.state.backward(&gradient);
        register(&ops, gradients, grads);
    }
}

#[derive(Debug)]
struct Open;

impl Backward<Flex, 3> for Open {
    type State = Closed;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = dense(grads.consume::<Flex>(&ops.node));
        let gradients = ops.state.open_backward(gradient);
        register(&ops, gradients, grads);
    }
}

#[derive(Debug)]
struct Project;

impl Backward<Flex, 2> for Project {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = dense(grads.consume::<Flex>(&ops.node));
        let (x, weight) = &ops.state;
        let of_x = product(matrix(&gradient), matrix(weight).transposed());
        let of_weight = product(matrix(x).transposed(), matrix(&gradient));
        register(&ops, [tensor(of_x, shape(x)), tensor(of_weight, shape(weight))], grads);
    }
}

#[derive(Debug)]
struct Gelu;

impl Backward<Flex, 2> for Gelu {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = dense(grads.consume::<Flex>(&ops.node));
        let (x, bias) = &ops.state;
        let bias = tensor(gelu::backward(numbers(x), numbers(bias), gradient.storage_mut()), shape(bias));
        register(&ops, [gradient, bias], grads);
    }
}

#[derive(Debug)]
struct Close;

impl Backward<Flex, 5> for Close {
    type State = Closed;

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = dense(grads.consume::<Flex>(&ops.node));
        let gradients = ops.state.backward(gradient);
        register(&ops, gradients, grads);
    }
}

impl<C: CheckpointStrategy> Fused for Autodiff<Flex, C> {
    fn embed(
        words: FloatTensor<Self>,
        positions: FloatTensor<Self>,
        segments: FloatTensor<Self>,
        how: Embedding,
    ) -> FloatTensor<Self> {
        let nodes = [words.node(), positions.node(), segments.node()];
        let [words, positions, segments] = [words, positions, segments].map(|x| x.into_primitive());
        let sizes = [&positions, &segments].map(|x| shape(x)[0]);
        let d = shape(&words)[1];
        let out = Flex::embed(words, positions, segments, how.clone());
        match Embedded.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((how, sizes, d), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn attend(
        query: FloatTensor<Self>,
        query_bias: FloatTensor<Self>,
        key: FloatTensor<Self>,
        key_bias: FloatTensor<Self>,
        value: FloatTensor<Self>,
        value_bias: FloatTensor<Self>,
        how: Attending,
    ) -> FloatTensor<Self> {
        let operands = [query, query_bias, key, key_bias, value, value_bias];
        let nodes = operands.each_ref().map(|x| x.node());
        let (out, attended) = Attended::forward(operands.map(|x| x.into_primitive()), how);
        match Attention.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(attended, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn open(x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, how: Closing) -> FloatTensor<Self> {
        let operands = [x, scale, shift];
        let nodes = operands.each_ref().map(|x| x.node());
        let (out, closed) = Closed::open(operands.map(|x| x.into_primitive()), how);
        match Open.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(closed, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn project(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        let (x, weight) = (dense(x.into_primitive()), dense(weight.into_primitive()));
        let out = Flex::project(x.clone(), weight.clone());
        match Project.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [x.node(), bias.node()];
        let (x, bias) = (dense(x.into_primitive()), dense(bias.into_primitive()));
        let out = Flex::bias_gelu(x.clone(), bias.clone());
        match Gelu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, bias), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn close(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        how: Closing,
    ) -> FloatTensor<Self> {
        let operands = [x, bias, residual, scale, shift];
        let nodes = operands.each_ref().map(|x| x.node());
        let (out, closed) = Closed::forward(operands.map(|x| x.into_primitive()), how);
        match Close.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(closed, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}
