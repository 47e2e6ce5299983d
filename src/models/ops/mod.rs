//! The operations that encoders are composed of. Each has a fused implementation over [`crate::kernels`] and a reference
//! implementation by Burn's own functions, and hides from the model whether a batch is ragged or padded.
//!
//! Padded batches run by reference. On ragged batches an operation runs by its kernel, unless
//! [`ReferenceOps`](super::op::ReferenceOps) contains it, so a new operation can train before it has a kernel. The reference
//! may use the padded [`layout`]; all indices are tables on the device, so that a replayed step reads the next batch from
//! them.

mod embedding_tables;
mod fused;
mod layers;
mod layout;
mod matmul;
mod pre_norm;
mod reference;
mod relative;
mod rotary;

use burn::tensor::Tensor;

pub use embedding_tables::EmbeddingTables;
pub use layers::{AttentionLayer, LayerNorm, Linear};
pub use relative::{LayerPositions, RelativeBias, RelativeTable};
pub use rotary::Rotation;

use super::dropout_sites::DropoutSites;
use super::input::Input;
use matmul::is_cpu;

use super::op::Op;
use super::precision::matmul_precision;
use super::product;
use crate::architecture::Gelu;
use crate::kernels::{DropoutMask, Queries};
use crate::settings::Precision;

/// Hidden states `[rows, d]`.
#[derive(Clone, Debug)]
pub struct Hidden {
    x: Tensor<2>,
    /// Whether there is a row for every token (and for padding in a padded batch), or only for each example's first.
    tokens: Queries,
}

/// The operations of one forward pass over a batch.
#[derive(Debug)]
pub struct Ops<'a> {
    input: &'a Input,
    precision: Precision,
    dropout: DropoutSites,
}

impl<'a> Ops<'a> {
    /// Creates the operations for a batch. Each dropout takes the next site of `dropout`.
    pub fn new(input: &'a Input, precision: Precision, dropout: DropoutSites) -> Self {
        Self { input, precision, dropout }
    }

    /// Returns the sum of one embedding from each table for each token.
    ///
    /// With the fused kernel, the gradient of the token table has rows only for the batch's distinct tokens
    /// ([`Input::has_sparse_embeddings`]).
    pub fn embedding(&self, tables: &EmbeddingTables) -> Hidden {
        let x = match self.input.fused(Op::Embedding) {
            Some(batch) => fused::embedding(batch, tables),
            None => reference::embedding(self.input, tables),
        };
        Hidden { x, tokens: Queries::All }
    }

    pub fn norm_dropout(&mut self, x: Hidden, norm: &LayerNorm) -> Hidden {
        let dropout = self.dropout.hidden();
        let Hidden { x, tokens } = x;
        let x = match self.input.fused(Op::NormDropout) {
            Some(batch) => fused::norm_dropout(batch, x, norm, dropout),
            None => reference::hidden_dropout(self.input, norm.forward(x), tokens, dropout),
        };
        Hidden { x, tokens }
    }

    /// Returns a table of relative positions as a layer projects it, with dropout on its `normalized` rows.
    pub fn relative_positions<'t>(
        &mut self,
        table: &'t RelativeTable,
        normalized: &Tensor<2>,
        layer: &AttentionLayer,
    ) -> LayerPositions<'t> {
        let dropout = self.dropout.hidden();
        let [all, width] = normalized.dims();
        let dropped = reference::row_dropout(self.input, normalized.clone(), dropout);
        let rows = match self.input.fused(Op::Attention) {
            // On a GPU, batches whose longest examples differ share a recording.
            Some(batch) if is_cpu(&normalized.device()) => table.index.rows.within(batch.lengths().max().unwrap_or(1)),
            _ => 0..all,
        };
        let used = dropped.slice([rows.clone(), 0..width]);
        let project = |linear: &Option<Linear>| linear.as_ref().map(|linear| self.linear(used.clone(), linear));
        LayerPositions { table, rows, key: project(&layer.position_key), query: project(&layer.position_query) }
    }

    /// Computes attention from `queries`, which are x or [its first tokens](Self::first_tokens), to all tokens x of their
    /// example: `softmax(Q Kᵀ / √width) V` in each head, with dropout on the probabilities. With relative positions, scores depend
    /// on them, too.
    pub fn attention(
        &mut self,
        queries: &Hidden,
        x: Hidden,
        layer: &AttentionLayer,
        positions: Option<&LayerPositions<'_>>,
    ) -> Hidden {
        let dropout = self.dropout.attention();
        let (tokens, precision) = (queries.tokens, self.precision);
        let x = if let Some(batch) = self.input.fused(Op::Attention) {
            let precision = matmul_precision(precision);
            let attention = fused::attention(batch, layer.heads, tokens, precision, dropout);
            match (tokens, positions) {
                (_, Some(positions)) => fused::attend_relatively(attention, queries.x.clone(), &x.x, layer, positions),
                (Queries::All, None) => fused::self_attention(attention, x.x, layer),
                (Queries::First, None) => fused::attend(attention, queries.x.clone(), &x.x, layer),
            }
        } else {
            let [query, key, value] = [(&layer.query, &queries.x), (&layer.key, &x.x), (&layer.value, &x.x)]
                .map(|(part, x)| self.linear(x.clone(), part));
            reference::attention(self.input, [query, key, value], (layer.heads, positions), tokens, precision, dropout)
        };
        Hidden { x, tokens }
    }

    /// Like [`Self::attention`], with a bias on each score.
    pub fn biased_attention(&mut self, queries: &Hidden, x: &Hidden, layer: &AttentionLayer, bias: &RelativeBias) -> Hidden {
        let dropout = self.dropout.attention();
        let (tokens, precision) = (queries.tokens, self.precision);
        let x = if let Some(batch) = self.input.fused(Op::Attention) {
            let attention = fused::attention(batch, layer.heads, tokens, matmul_precision(precision), dropout);
            fused::attend_with_bias(attention, queries.x.clone(), &x.x, layer, bias)
        } else {
            let [query, key, value] = layer.parts();
            let operands = [(query, &queries.x), (key, &x.x), (value, &x.x)].map(|(part, x)| self.linear(x.clone(), part));
            reference::biased_attention(self.input, operands, bias, tokens, precision, dropout)
        };
        Hidden { x, tokens }
    }

    /// Returns the next site's dropout of hidden states, for [`Self::dropout_add_norm`].
    pub fn next_hidden_dropout(&mut self) -> Option<DropoutMask> {
        self.dropout.hidden()
    }

    /// Returns norm(dropout(linear(x)) + residual).
    pub fn dropout_add_norm(
        &self,
        x: Hidden,
        linear: &Linear,
        residual: Hidden,
        norm: &LayerNorm,
        dropout: Option<DropoutMask>,
    ) -> Hidden {
        let tokens = x.tokens;
        let x = if let Some(batch) = self.input.fused(Op::DropoutAddNorm) {
            let x = self.matmul(x.x, &linear.weight);
            fused::dropout_add_norm(batch, x, linear, residual, norm, (matmul_precision(self.precision), dropout))
        } else {
            let dropped = reference::hidden_dropout(self.input, self.linear(x.x, linear), tokens, dropout);
            norm.forward(dropped + residual.x)
        };
        Hidden { x, tokens }
    }

    /// Returns GELU(linear(x)).
    pub fn linear_gelu(&self, x: Hidden, linear: &Linear, gelu: Gelu) -> Hidden {
        let tokens = x.tokens;
        let x = if self.input.fused(Op::LinearGelu).is_some() {
            fused::bias_gelu(gelu, self.matmul(x.x, &linear.weight), linear, matmul_precision(self.precision))
        } else {
            reference::gelu(gelu, self.linear(x.x, linear))
        };
        Hidden { x, tokens }
    }

    /// Returns linear(x) for each row.
    pub fn hidden_linear(&self, x: Hidden, linear: &Linear) -> Hidden {
        Hidden { x: self.linear(x.x, linear), tokens: x.tokens }
    }

    /// Returns the exact GELU of one vector per example, `[examples, d]`.
    pub fn gelu(x: Tensor<2>) -> Tensor<2> {
        reference::gelu(Gelu::Exact, x)
    }

    /// Returns only the states of each example's first token if the batch is ragged, to save further computation, else all
    /// states.
    pub fn first_tokens(&self, x: &Hidden) -> Hidden {
        match self.input {
            Input::Ragged { .. } => Hidden { x: self.select_first(x.clone()), tokens: Queries::First },
            // The reference computes all rows, to keep it simple.
            Input::Padded(_) => x.clone(),
        }
    }

    /// Returns the states of each example's first token: `[examples, d]`.
    pub fn select_first(&self, x: Hidden) -> Tensor<2> {
        match (x.tokens, self.input.fused(Op::SelectFirst)) {
            (Queries::First, _) => x.x,
            (Queries::All, Some(batch)) => fused::select_first(batch, x.x),
            (Queries::All, None) => reference::select_first(self.input, x.x),
        }
    }

    /// Applies dropout to one vector per example, `[examples, d]`.
    pub fn classifier_dropout(&mut self, x: Tensor<2>) -> Tensor<2> {
        let dropout = self.dropout.classifier();
        reference::row_dropout(self.input, x, dropout)
    }

    /// Returns x · weight + bias.
    pub fn linear(&self, x: Tensor<2>, linear: &Linear) -> Tensor<2> {
        let product = self.matmul(x, &linear.weight);
        match &linear.bias {
            Some(bias) => product + bias.clone().unsqueeze(),
            None => product,
        }
    }

    fn matmul(&self, x: Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
        match self.input {
            Input::Ragged { .. } => product(x, weight.clone(), matmul_precision(self.precision)),
            Input::Padded(_) => matmul::matmul(self.precision, x, weight.clone()),
        }
    }
}
