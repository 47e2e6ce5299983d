//! Forward and backward passes of the operations on one backend, without differentiation's bookkeeping.

use std::fmt::Debug;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex};

use super::operations::{Attending, Closing, Dropping, Embedding, Fused, Judging, Products};

/// What a backend does for the operations of [`Fused`]; operands and gradients stand in the same order.
pub trait Passes: Backend {
    /// What attention leaves for its backward pass.
    type Attended: Clone + Debug + Send + Sync + 'static;
    /// What several products of one matrix leave for their backward pass.
    type Projected: Clone + Debug + Send + Sync + 'static;
    /// What closing a block, or opening the first, leaves for its backward pass.
    type Closed: Clone + Debug + Send + Sync + 'static;

    /// [`Fused::embed`] of words, positions and segments.
    fn embed_forward(tables: [FloatTensor<Self>; 3], how: &Embedding) -> FloatTensor<Self>;
    /// The gradients: of the batch's words, and of so many positions and segments.
    fn embed_backward(how: &Embedding, sizes: [usize; 2], gradient: FloatTensor<Self>) -> [FloatTensor<Self>; 3];
    /// [`Fused::attend`].
    fn attend_forward(operands: [FloatTensor<Self>; 6], how: Attending) -> (FloatTensor<Self>, Self::Attended);
    /// Its gradients.
    fn attend_backward(attended: Self::Attended, gradient: FloatTensor<Self>) -> [FloatTensor<Self>; 6];
    /// [`Fused::open`].
    fn open_forward(operands: [FloatTensor<Self>; 3], how: Closing) -> (FloatTensor<Self>, Self::Closed);
    /// Its gradients.
    fn open_backward(closed: Self::Closed, gradient: FloatTensor<Self>) -> [FloatTensor<Self>; 3];
    /// [`Fused::product`], and the factors as they were multiplied.
    fn product_forward(factors: [FloatTensor<Self>; 2], how: Products) -> (FloatTensor<Self>, [FloatTensor<Self>; 2]);
    /// Their gradients.
    fn product_backward(factors: [FloatTensor<Self>; 2], how: Products, gradient: FloatTensor<Self>) -> [FloatTensor<Self>; 2];
    /// The products of one matrix with three others of one size.
    fn project_forward(
        x: FloatTensor<Self>,
        weights: [FloatTensor<Self>; 3],
        how: Products,
    ) -> ([FloatTensor<Self>; 3], Self::Projected);
    /// The gradients of the matrix, and of the three.
    fn project_backward(
        projected: Self::Projected,
        gradients: [FloatTensor<Self>; 3],
    ) -> (FloatTensor<Self>, [FloatTensor<Self>; 3]);
    /// [`Fused::bias_gelu`].
    fn bias_gelu_forward(operands: [FloatTensor<Self>; 2], products: Products) -> FloatTensor<Self>;
    /// Its gradients.
    fn bias_gelu_backward(
        operands: [FloatTensor<Self>; 2],
        products: Products,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];
    /// [`Fused::close`].
    fn close_forward(operands: [FloatTensor<Self>; 5], how: Closing) -> (FloatTensor<Self>, Self::Closed);
    /// Its gradients.
    fn close_backward(closed: Self::Closed, gradient: FloatTensor<Self>) -> [FloatTensor<Self>; 5];
    /// [`Fused::firsts`].
    fn firsts_forward(x: FloatTensor<Self>, how: &Embedding) -> FloatTensor<Self>;
    /// Its gradient, of so many rows.
    fn firsts_backward(how: &Embedding, rows: usize, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
    /// [`Fused::dropped`], which is its own gradient.
    fn drop(x: FloatTensor<Self>, how: &Dropping) -> FloatTensor<Self>;
    /// [`Fused::cross_entropy`], and its gradient.
    fn cross_entropy_forward(logits: FloatTensor<Self>, how: &Judging) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// The operations on backends that differentiate nothing: forward passes, and what they leave is let go.
macro_rules! forward_only {
    ($backend:ty) => {
        impl Fused for $backend {
            fn embed(
                words: FloatTensor<Self>,
                positions: FloatTensor<Self>,
                segments: FloatTensor<Self>,
                how: Embedding,
            ) -> FloatTensor<Self> {
                Self::embed_forward([words, positions, segments], &how)
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
                Self::attend_forward([query, query_bias, key, key_bias, value, value_bias], how).0
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
                let ([query, key, value], _) = Self::project_forward(x, [query, key, value], how.products);
                Self::attend_forward([query, query_bias, key, key_bias, value, value_bias], how).0
            }

            fn open(x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, how: Closing) -> FloatTensor<Self> {
                Self::open_forward([x, scale, shift], how).0
            }

            fn product(a: FloatTensor<Self>, b: FloatTensor<Self>, how: Products) -> FloatTensor<Self> {
                Self::product_forward([a, b], how).0
            }

            fn bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>, products: Products) -> FloatTensor<Self> {
                Self::bias_gelu_forward([x, bias], products)
            }

            fn close(
                x: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                residual: FloatTensor<Self>,
                scale: FloatTensor<Self>,
                shift: FloatTensor<Self>,
                how: Closing,
            ) -> FloatTensor<Self> {
                Self::close_forward([x, bias, residual, scale, shift], how).0
            }

            fn firsts(x: FloatTensor<Self>, how: Embedding) -> FloatTensor<Self> {
                Self::firsts_forward(x, &how)
            }

            fn dropped(x: FloatTensor<Self>, how: Dropping) -> FloatTensor<Self> {
                Self::drop(x, &how)
            }

            fn cross_entropy(logits: FloatTensor<Self>, how: Judging) -> FloatTensor<Self> {
                Self::cross_entropy_forward(logits, &how).0
            }
        }
    };
}

forward_only!(Flex);
#[cfg(feature = "gpu")]
forward_only!(burn_cubecl::Cube);
