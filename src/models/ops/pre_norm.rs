//! The operations of pre-norm encoders.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::layers::{LayerNorm, Linear};
use super::rotary::{self, Rotation};
use super::{Hidden, Ops, fused, reference};
use crate::kernels::{Geglu, MeanTokens, Operation, Queries, ResidentRotaryTable, RotaryAttention};
use crate::models::op::Op;

impl Hidden {
    /// Returns the sum of hidden states.
    pub fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, tokens: self.tokens }
    }
}

impl Ops<'_> {
    /// Returns norm(x) for each row.
    pub fn norm(&self, x: Hidden, norm: &LayerNorm) -> Hidden {
        let Hidden { x, tokens } = x;
        let x = match self.input.fused(Op::NormDropout) {
            Some(batch) => fused::norm_dropout(batch, x, norm, None),
            None => norm.forward(x),
        };
        Hidden { x, tokens }
    }

    /// Applies dropout with the probability of hidden states.
    pub fn hidden_dropout(&mut self, x: Hidden) -> Hidden {
        let dropout = self.dropout.hidden();
        Hidden { x: reference::hidden_dropout(self.input, x.x, x.tokens, dropout), tokens: x.tokens }
    }

    /// Applies dropout to hidden states with the probability of attention.
    pub fn attention_output_dropout(&mut self, x: Hidden) -> Hidden {
        let dropout = self.dropout.attention();
        Hidden { x: reference::hidden_dropout(self.input, x.x, x.tokens, dropout), tokens: x.tokens }
    }

    /// Returns the rotation by `angles`, of frequencies to the base `theta`, for [`Self::rotary_attention`].
    pub fn rotation(&self, angles: &Arc<ResidentRotaryTable>, theta: f64, beside: &Hidden) -> Rotation {
        match self.input.fused(Op::RotaryAttention) {
            Some(_) => Rotation::Fused(Arc::clone(angles)),
            None => Rotation::reference(self.input, angles.width(), theta, &beside.x),
        }
    }

    /// Computes attention from every token to those of its example that are at most `window` away, with queries and keys
    /// rotated by their positions: `softmax(R(Q) R(K)ᵀ / √width) V` in each head, with dropout on the probabilities. `qkv` is
    /// `[d, 3 d]`.
    pub fn rotary_attention(
        &mut self,
        x: Hidden,
        qkv: &Linear,
        heads: usize,
        (rotation, window): (&Rotation, Option<usize>),
    ) -> Hidden {
        let dropout = self.dropout.attention();
        let qkv = self.linear(x.x, qkv);
        let x = match (self.input.fused(Op::RotaryAttention), rotation) {
            (Some(batch), Rotation::Fused(table)) => {
                let (batch, table) = (Arc::clone(batch), Arc::clone(table));
                let operation = RotaryAttention { batch, heads, table, window, dropout };
                Tensor::from_dispatch(operation.apply([qkv.into_dispatch()]))
            }
            (_, rotation) => rotary::attention(self.input, qkv, heads, (rotation, window), self.precision, dropout),
        };
        Hidden { x, tokens: Queries::All }
    }

    /// Returns GELU(a) · b, with [a, b] = linear(x), with the exact GELU.
    pub fn linear_geglu(&self, x: Hidden, linear: &Linear) -> Hidden {
        let (tokens, x) = (x.tokens, self.linear(x.x, linear));
        let x = match self.input.fused(Op::LinearGeglu) {
            Some(_) => Tensor::from_dispatch(Geglu.apply([x.into_dispatch()])),
            None => reference::geglu(&x),
        };
        Hidden { x, tokens }
    }

    /// Returns the mean of the states of each example's tokens: `[examples, d]`.
    pub fn mean_tokens(&self, x: Hidden) -> Tensor<2> {
        match self.input.fused(Op::MeanTokens) {
            Some(batch) => Tensor::from_dispatch(MeanTokens { batch: Arc::clone(batch) }.apply([x.x.into_dispatch()])),
            None => reference::mean_tokens(self.input, x.x),
        }
    }
}
