//! Relative positions in attention: DeBERTa's disentangled scores (He et al. 2021) and MPNet's biases.

use std::ops::Range;

use burn::tensor::{Int, Tensor};

use super::layers::LayerNorm;
use super::matmul::matmul;
use crate::models::constants::RelativeIndex;
use crate::settings::Precision;

/// The table of relative positions.
#[derive(Clone, Debug)]
pub struct RelativeTable {
    /// `[buckets, d]`.
    pub table: Tensor<2>,
    pub norm: Option<LayerNorm>,
    pub index: RelativeIndex,
}

impl RelativeTable {
    /// The normalized table, as every layer reads it before dropout.
    pub fn normalized(&self) -> Tensor<2> {
        match &self.norm {
            Some(norm) => norm.forward(self.table.clone()),
            None => self.table.clone(),
        }
    }
}

/// Relative positions as one layer projects them, biases included.
#[derive(Clone, Debug)]
pub struct LayerPositions<'a> {
    pub table: &'a RelativeTable,
    /// The rows of the table that were projected: all that occur in the batch.
    pub rows: Range<usize>,
    /// For scores with queries, `[rows, d]`.
    pub key: Option<Tensor<2>>,
    /// For scores with keys, `[rows, d]`.
    pub query: Option<Tensor<2>>,
}

impl LayerPositions<'_> {
    /// The number of kinds of scores.
    pub fn kinds(&self) -> usize {
        usize::from(self.key.is_some()) + usize::from(self.query.is_some())
    }

    /// Returns the scores `[examples, heads, queries, keys]` that depend on relative positions, by Burn's own functions. Queries
    /// and keys are `[examples, heads, tokens, width]`, scaled, and all rows were projected.
    pub fn scores(&self, query: &Tensor<4>, key: &Tensor<4>, precision: Precision) -> Option<Tensor<4>> {
        let ([examples, heads, queries, _], keys) = (query.dims(), key.dims()[2]);
        let rows = self.table.index.between(queries, keys);
        let of = |tokens: &Tensor<4>, positions: &Tensor<2>, rows: Tensor<2, Int>| {
            let ([.., width], [buckets, _], [from, to]) = (tokens.dims(), positions.dims(), rows.dims());
            let positions = positions.clone().reshape([1, buckets, heads, width]).permute([0, 2, 3, 1]);
            let all = matmul(precision, tokens.clone(), positions.expand([examples, heads, width, buckets]));
            all.gather(3, rows.reshape([1, 1, from, to]).expand([examples, heads, from, to]))
        };
        let with_queries = self.key.as_ref().map(|positions| of(query, positions, rows.clone()));
        let with_keys = self.query.as_ref().map(|positions| of(key, positions, rows.transpose()).swap_dims(2, 3));
        match (with_queries, with_keys) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        }
    }
}

/// A learned bias for each row of relative positions.
#[derive(Clone, Debug)]
pub struct RelativeBias {
    /// `[rows, heads]`.
    pub table: Tensor<2>,
    pub index: RelativeIndex,
}

impl RelativeBias {
    /// Returns the bias of each score: `[1, heads, queries, keys]`.
    pub fn of_scores(&self, queries: usize, keys: usize) -> Tensor<4> {
        let [_, heads] = self.table.dims();
        let rows = self.index.between(queries, keys).reshape([queries * keys]);
        self.table.clone().select(0, rows).reshape([queries, keys, heads]).permute([2, 0, 1]).unsqueeze()
    }
}
