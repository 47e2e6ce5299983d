//! Where the rows of a batch stand in ragged matrices, as a GPU is told: once for each batch.

use std::sync::OnceLock;

use burn_cubecl::tensor::CubeTensor;

use super::tensors::upload;
use crate::kernels::Rows;

/// Numbers that tell a query or a key its place.
pub const FIELDS: usize = 6;

/// Where each row's example stands. For a query: the example's first key row, its keys, its queries, its first
/// probability, the query's number in the example, the query's token. For a key: the example's first query row, and the
/// key's number in place of the query's.
#[derive(Clone, Debug)]
pub struct Places {
    /// `[queries * FIELDS]`.
    pub queries: CubeTensor,
    /// `[keys * FIELDS]`.
    pub keys: CubeTensor,
    /// How many there are, over all examples and heads.
    pub probabilities: usize,
}

impl Places {
    pub fn of(rows: &Rows, heads: usize, firsts: bool, beside: &CubeTensor) -> Self {
        let (mut of_queries, mut of_keys, mut start) = (Vec::new(), Vec::new(), 0);
        for example in 0..rows.examples() {
            let (first, keys) = (rows.offsets[example], rows.length(example));
            let (first_query, queries) = if firsts { (example, 1) } else { (first, keys) };
            for query in 0..queries {
                of_queries.extend([first, keys, queries, start, query, first + query].map(|number| number as u32));
            }
            for key in 0..keys {
                of_keys.extend([first_query, keys, queries, start, key, first + key].map(|number| number as u32));
            }
            start += heads * queries * keys;
        }
        Self { queries: upload(beside, of_queries), keys: upload(beside, of_keys), probabilities: start }
    }
}

/// What a GPU has been told of a batch already. It is no part of what the batch is.
#[derive(Debug, Default)]
pub struct Resident {
    all: OnceLock<Places>,
    firsts: OnceLock<Places>,
}

impl Resident {
    /// The places where every token asks, or the first of each example alone.
    pub fn places(&self, firsts: bool, tell: impl FnOnce() -> Places) -> Places {
        let told = if firsts { &self.firsts } else { &self.all };
        told.get_or_init(tell).clone()
    }
}

impl Clone for Resident {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Resident {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Resident {}
