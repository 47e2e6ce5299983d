//! Relative positions in attention: DeBERTa's disentangled scores (He et al. 2021).

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};

use super::layers::LayerNorm;
use super::matmul::matmul;
use crate::architecture::{RelativeBuckets, RelativePositions};
use crate::settings::Precision;

/// The table of relative positions.
#[derive(Clone, Debug)]
pub struct RelativeTable {
    /// `[buckets, d]`.
    pub table: Tensor<2>,
    pub norm: Option<LayerNorm>,
    pub buckets: RelativeBuckets,
    /// The row of each distance, descending from the longest one: `[2 · longest + 1]`.
    rows: Tensor<1, Int>,
}

impl RelativeTable {
    /// Prepares a table for the distances that occur in inputs.
    pub fn new(table: Tensor<2>, norm: Option<LayerNorm>, names: &RelativePositions) -> Self {
        let buckets = names.buckets;
        // The padded layout of a ragged batch may be longer than its longest example.
        let longest = (2 * names.longest).cast_signed();
        let rows: Vec<i32> = (-longest..=longest).rev().map(|distance| (buckets.row(distance) as u32).cast_signed()).collect();
        let rows = TensorData::from(rows.as_slice());
        let rows = Tensor::from_data(rows, &table.device().without_autodiff());
        Self { table, norm, buckets, rows }
    }

    /// The normalized table, as every layer reads it before dropout.
    pub fn normalized(&self) -> Tensor<2> {
        match &self.norm {
            Some(norm) => norm.forward(self.table.clone()),
            None => self.table.clone(),
        }
    }

    /// The row of the distance from each key to each query: `[queries, keys]`. Computed on the device, because indices from the
    /// host could not change between replays of a recorded step.
    fn rows_between(&self, queries: usize, keys: usize) -> Tensor<2, Int> {
        let longest = self.rows.dims()[0] / 2;
        // Row q of the result is a window of the list that begins at `keys - 1 - q`. In a flat sequence of copies of the list, each
        // followed by the next, windows of this kind are one step less than a copy apart.
        let count = 2 * keys - 1;
        let list = self.rows.clone().slice([longest + 1 - keys..longest + keys]);
        let copies = list.unsqueeze::<2>().repeat_dim(0, queries + 1).reshape([(queries + 1) * count]);
        let skewed = copies.slice([keys - 1..keys - 1 + queries * (count - 1)]);
        match count {
            1 => self.rows.clone().slice([longest..longest + 1]).reshape([1, 1]),
            _ => skewed.reshape([queries, count - 1]).slice([0..queries, 0..keys]),
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
        let rows = self.table.rows_between(queries, keys);
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
