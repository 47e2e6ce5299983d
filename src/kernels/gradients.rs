//! The operations under automatic differentiation: each registers its backward pass with Burn.

// The methods' full paths would say less.
#![allow(clippy::redundant_closure_for_method_calls)]

use burn::backend::Autodiff;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;

use super::operations::{Attending, Closing, Dropping, Embedding, Fused, Judging, Products};
use super::passes::Passes;

/// A backward pass: its state, the number of operands, and their gradients.
macro_rules! backward {
    ($name:ident, $operands:literal, $state:ty, |$saved:ident, $gradient:ident| $gradients:expr) => {
        #[derive(Debug)]
        struct $name;

        impl<B: Passes> Backward<B, $operands> for $name {
            type State = $state;

            fn backward(self, ops: Ops<Self::State, $operands>, grads: &mut Gradients, _: &mut Checkpointer) {
                let $gradient = grads.consume::<B>(&ops.node);
                let $saved = ops.state;
                let gradients: [FloatTensor<B>; $operands] = $gradients;
                for (parent, gradient) in ops.parents.iter().zip(gradients) {
                    if let Some(parent) = parent {
                        grads.register::<B>(parent.id, gradient);
                    }
                }
            }
        }
    };
}

backward!(Embedded, 3, (Embedding, [usize; 2]), |saved, gradient| B::embed_backward(&saved.0, saved.1, gradient));
backward!(Attention, 6, B::Attended, |saved, gradient| B::attend_backward(saved, gradient));
backward!(SelfAttention, 7, (B::Projected, B::Attended), |saved, gradient| {
    let [query, query_bias, key, key_bias, value, value_bias] = B::attend_backward(saved.1, gradient);
    let (x, [query, key, value]) = B::project_backward(saved.0, [query, key, value]);
    [x, query, query_bias, key, key_bias, value, value_bias]
});
backward!(Open, 3, B::Closed, |saved, gradient| B::open_backward(saved, gradient));
backward!(Product, 2, ([FloatTensor<B>; 2], Products), |saved, gradient| B::product_backward(saved.0, saved.1, gradient));
backward!(Gelu, 2, ([FloatTensor<B>; 2], Products), |saved, gradient| B::bias_gelu_backward(saved.0, saved.1, gradient));
backward!(Close, 5, B::Closed, |saved, gradient| B::close_backward(saved, gradient));
backward!(Firsts, 1, (Embedding, usize), |saved, gradient| [B::firsts_backward(&saved.0, saved.1, gradient)]);
backward!(Dropped, 1, Dropping, |saved, gradient| [B::drop(gradient, &saved)]);
// The forward pass knows the gradient already, but for what the loss itself is multiplied with later.
backward!(CrossEntropy, 1, FloatTensor<B>, |saved, gradient| {
    [B::float_mul(saved, B::float_reshape(gradient, Shape::from([1, 1])))]
});

/// An output, with its backward pass where one of the operands wants a gradient.
macro_rules! tracked {
    ($backward:ident, $operands:ident, $strategy:ty, $forward:expr) => {{
        let nodes = $operands.each_ref().map(|x| x.node());
        let (out, state) = $forward($operands.map(|x| x.into_primitive()));
        match $backward.prepare::<$strategy>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }};
}

impl<B: Passes, C: CheckpointStrategy> Fused for Autodiff<B, C> {
    fn embed(
        words: FloatTensor<Self>,
        positions: FloatTensor<Self>,
        segments: FloatTensor<Self>,
        how: Embedding,
    ) -> FloatTensor<Self> {
        let operands = [words, positions, segments];
        tracked!(Embedded, operands, C, |tables: [FloatTensor<B>; 3]| {
            let sizes = [&tables[1], &tables[2]].map(|table| table.shape()[0]);
            (B::embed_forward(tables, &how), (how, sizes))
        })
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
        tracked!(Attention, operands, C, |operands| B::attend_forward(operands, how))
    }

    fn self_attend(
        x: FloatTensor<Self>,
        query: FloatTensor<Self>,
        query_bias: FloatTensor<Self>,
        key: FloatTensor<Self>,
        key_bias: FloatTensor<Self>,
        value: FloatTensor<Self>,
        value_bias: FloatTensor<Self>,
        how: Attending,
    ) -> FloatTensor<Self> {
        let operands = [x, query, query_bias, key, key_bias, value, value_bias];
        tracked!(SelfAttention, operands, C, |operands: [FloatTensor<B>; 7]| {
            let [x, query, query_bias, key, key_bias, value, value_bias] = operands;
            let ([query, key, value], projected) = B::project_forward(x, [query, key, value], how.products);
            let (out, attended) = B::attend_forward([query, query_bias, key, key_bias, value, value_bias], how);
            (out, (projected, attended))
        })
    }

    fn open(x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, how: Closing) -> FloatTensor<Self> {
        let operands = [x, scale, shift];
        tracked!(Open, operands, C, |operands| B::open_forward(operands, how))
    }

    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>, how: Products) -> FloatTensor<Self> {
        let operands = [a, b];
        tracked!(Product, operands, C, |operands: [FloatTensor<B>; 2]| {
            let (out, factors) = B::product_forward(operands, how);
            (out, (factors, how))
        })
    }

    fn bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>, products: Products) -> FloatTensor<Self> {
        let operands = [x, bias];
        tracked!(Gelu, operands, C, |operands: [FloatTensor<B>; 2]| {
            (B::bias_gelu_forward(operands.clone(), products), (operands, products))
        })
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
        tracked!(Close, operands, C, |operands| B::close_forward(operands, how))
    }

    fn firsts(x: FloatTensor<Self>, how: Embedding) -> FloatTensor<Self> {
        let operands = [x];
        tracked!(Firsts, operands, C, |[x]: [FloatTensor<B>; 1]| {
            let rows = x.shape()[0];
            (B::firsts_forward(x, &how), (how, rows))
        })
    }

    fn dropped(x: FloatTensor<Self>, how: Dropping) -> FloatTensor<Self> {
        let operands = [x];
        tracked!(Dropped, operands, C, |[x]: [FloatTensor<B>; 1]| (B::drop(x, &how), how))
    }

    fn cross_entropy(logits: FloatTensor<Self>, how: Judging) -> FloatTensor<Self> {
        let operands = [logits];
        tracked!(CrossEntropy, operands, C, |[logits]: [FloatTensor<B>; 1]| B::cross_entropy_forward(logits, &how))
    }
}
