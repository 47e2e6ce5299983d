//! Attention on a GPU that keeps no probabilities (Dao et al. 2022), with a window and with terms that depend on relative positions.
//! Memory grows with the number of tokens, not with that of pairs.

mod backward;
mod forward;
mod scores;

use std::sync::Arc;

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use self::backward::{flash_backward_keys, flash_backward_queries};
use self::forward::flash_attend;
use self::scores::TermsLaunch;
use super::attention::TILE_FIELDS;
use super::attention::tiles::UNITS;
use super::batch_tables::BatchTables;
use super::matmul::factor_type;
use super::philox::{attention_blocks, mask};
use super::tensors::{elements, empty, empty_of, shape, sizes};
use crate::kernels::{DropoutMask, MatmulPrecision, Queries, ResidentBatch};

/// The options.
#[derive(Clone, Debug)]
pub struct FlashAttention {
    pub batch: Arc<ResidentBatch>,
    pub heads: usize,
    pub queries: Queries,
    /// Scale of the products of queries and keys, and of the terms.
    pub scale: f32,
    /// Largest distance between a query and its keys; `None` if there is no limit.
    pub window: Option<usize>,
    pub dropout: Option<DropoutMask>,
    /// Precision of the matrix products that consume the output and the gradients.
    pub precision: MatmulPrecision,
}

/// Queries, keys and values, biases included.
#[derive(Clone, Debug)]
pub struct FlashOperands {
    pub query: CubeTensor,
    pub key: CubeTensor,
    pub value: CubeTensor,
    /// Terms of the scores by relative position.
    pub terms: Option<FlashTerms>,
}

/// Terms of scores by relative position, before they are scaled.
#[derive(Clone, Debug)]
pub struct FlashTerms {
    /// The row of each distance, ascending, with the distance 0 in the middle.
    pub distances: CubeTensor,
    /// The row that the first one of the terms is.
    pub first_row: usize,
    /// `[heads, queries, rows]`, or `[heads, 1, rows]` for all queries.
    pub by_query: Option<CubeTensor>,
    /// `[heads, keys, rows]`.
    pub by_key: Option<CubeTensor>,
    /// Scale of the terms.
    pub scale: f32,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct FlashSaved {
    out: CubeTensor,
    /// The largest score and the inverse of the sum of exponentials, `[queries, heads, 2]`.
    kept: CubeTensor,
}

/// The gradients of [`FlashOperands`].
#[derive(Debug)]
pub struct FlashGradients {
    pub query: CubeTensor,
    pub key: CubeTensor,
    pub value: CubeTensor,
    /// `[queries, heads · rows]`.
    pub by_query: Option<CubeTensor>,
    /// `[keys, heads · rows]`.
    pub by_key: Option<CubeTensor>,
}

/// The tiles and the locations of the queries, and those of the keys.
struct Tiling {
    queries: [CubeTensor; 2],
    keys: [CubeTensor; 2],
    number: CubeTensor,
}

fn arg(tensor: &CubeTensor) -> TensorArg {
    tensor.clone().into_tensor_arg()
}

impl FlashTerms {
    fn rows(&self) -> usize {
        self.by_query.iter().chain(&self.by_key).map(|terms| shape(terms)[2]).next().unwrap_or(0)
    }

    fn launch(&self) -> TermsLaunch {
        let rows = self.rows();
        let tokens = |terms: &Option<CubeTensor>| terms.as_ref().map_or(0, |terms| shape(terms)[1]);
        let (queries, keys) = (tokens(&self.by_query), tokens(&self.by_key));
        TermsLaunch::new(
            (elements(&self.distances) / 2) as u32,
            self.first_row as u32,
            rows as u32,
            if queries == 1 { 0 } else { rows as u32 },
            (queries * rows) as u32,
            (keys * rows) as u32,
            self.scale,
        )
    }
}

impl FlashOperands {
    fn width(&self, heads: usize) -> usize {
        sizes(&self.query).1 / heads
    }

    fn has_query_terms(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.by_query.is_some())
    }

    fn has_key_terms(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.by_key.is_some())
    }

    fn terms(&self) -> TermsLaunch {
        self.terms.as_ref().map_or_else(|| TermsLaunch::new(0, 0, 0, 0, 0, 0, 0.0), FlashTerms::launch)
    }

    /// The distances, and the terms by query and by key; another tensor in place of one that is not read.
    fn term_tensors(&self, unread: &CubeTensor) -> [CubeTensor; 3] {
        let terms = self.terms.as_ref();
        let or_unread = |tensor: Option<&CubeTensor>| tensor.unwrap_or(&self.query).clone();
        let distances = terms.map_or(unread, |terms| &terms.distances).clone();
        let by = |which: fn(&FlashTerms) -> Option<&CubeTensor>| or_unread(terms.and_then(which));
        [distances, by(|terms| terms.by_query.as_ref()), by(|terms| terms.by_key.as_ref())]
    }
}

impl FlashAttention {
    fn tiling(&self, beside: &CubeTensor) -> Tiling {
        let tables: &BatchTables = self.batch.tables(beside);
        let (queries, keys) = match self.queries {
            Queries::First => ([&tables.first_tiles, &tables.first_queries], [&tables.tiles, &tables.first_keys]),
            Queries::All => ([&tables.tiles, &tables.queries], [&tables.tiles, &tables.keys]),
        };
        Tiling { queries: queries.map(Clone::clone), keys: keys.map(Clone::clone), number: tables.number.clone() }
    }

    fn cubes(&self, [tiles, _]: &[CubeTensor; 2]) -> CubeCount {
        CubeCount::Static((elements(tiles) / TILE_FIELDS) as u32, self.heads as u32, 1)
    }

    fn is_bf16(&self) -> bool {
        self.precision == MatmulPrecision::Bf16
    }

    /// Computes O, `[queries, d]`.
    pub fn forward(&self, operands: &FlashOperands) -> (CubeTensor, FlashSaved) {
        let tiling = self.tiling(&operands.query);
        let (rows, d) = sizes(&operands.query);
        let out = empty_of(&operands.query, [rows, d], factor_type(self.precision));
        let kept = empty(&operands.query, [rows, self.heads, 2]);
        let [distances, by_query, by_key] = operands.term_tensors(&tiling.number);
        let launch = if self.is_bf16() { flash_attend::launch::<bf16> } else { flash_attend::launch::<f32> };
        launch(
            &out.client,
            self.cubes(&tiling.queries),
            CubeDim::new_1d(UNITS as u32),
            arg(&operands.query),
            arg(&operands.key),
            arg(&operands.value),
            arg(&tiling.queries[0]),
            arg(&tiling.queries[1]),
            arg(&tiling.number),
            arg(&distances),
            arg(&by_query),
            arg(&by_key),
            arg(&kept),
            arg(&out),
            mask(self.dropout.as_ref()),
            operands.terms(),
            d,
            self.scale,
            self.window.unwrap_or(0),
            attention_blocks(),
            operands.width(self.heads),
            self.window.is_some(),
            operands.has_query_terms(),
            operands.has_key_terms(),
            self.dropout.is_some(),
        );
        (out.clone(), FlashSaved { out, kept })
    }

    /// Computes the gradients of the operands.
    pub fn backward(
        &self,
        operands: &FlashOperands,
        FlashSaved { out, kept }: &FlashSaved,
        gradient: &CubeTensor,
    ) -> FlashGradients {
        let tiling = self.tiling(gradient);
        let (queries, d) = sizes(&operands.query);
        let keys = sizes(&operands.key).0;
        let number = factor_type(self.precision);
        let [query, key, value] = [queries, keys, keys].map(|rows| empty_of(gradient, [rows, d], number));
        let along = empty(gradient, [queries, self.heads]);
        let [distances, by_query, by_key] = operands.term_tensors(&tiling.number);
        let rows = operands.terms.as_ref().map_or(0, FlashTerms::rows);
        let of_terms = |tokens: usize| empty(gradient, [tokens, self.heads * rows]);
        let of_query_terms = operands.has_query_terms().then(|| of_terms(queries));
        let of_key_terms = operands.has_key_terms().then(|| of_terms(keys));
        // A tensor that no unit writes to stands for terms that do not exist.
        let unwritten = empty(gradient, [1]);
        let launch = if self.is_bf16() { flash_backward_queries::launch::<bf16> } else { flash_backward_queries::launch::<f32> };
        launch(
            &gradient.client,
            self.cubes(&tiling.queries),
            CubeDim::new_1d(UNITS as u32),
            arg(gradient),
            arg(out),
            arg(&operands.query),
            arg(&operands.key),
            arg(&operands.value),
            arg(&tiling.queries[0]),
            arg(&tiling.queries[1]),
            arg(&tiling.number),
            arg(&distances),
            arg(&by_query),
            arg(&by_key),
            arg(kept),
            arg(&along),
            arg(&query),
            arg(of_query_terms.as_ref().unwrap_or(&unwritten)),
            mask(self.dropout.as_ref()),
            operands.terms(),
            d,
            self.scale,
            self.window.unwrap_or(0),
            attention_blocks(),
            operands.width(self.heads),
            self.window.is_some(),
            operands.has_query_terms(),
            operands.has_key_terms(),
            self.dropout.is_some(),
        );
        let launch = if self.is_bf16() { flash_backward_keys::launch::<bf16> } else { flash_backward_keys::launch::<f32> };
        launch(
            &gradient.client,
            self.cubes(&tiling.keys),
            CubeDim::new_1d(UNITS as u32),
            arg(gradient),
            arg(&operands.query),
            arg(&operands.key),
            arg(&operands.value),
            arg(&tiling.keys[0]),
            arg(&tiling.keys[1]),
            arg(&tiling.number),
            arg(&distances),
            arg(&by_query),
            arg(&by_key),
            arg(kept),
            arg(&along),
            arg(&key),
            arg(&value),
            arg(of_key_terms.as_ref().unwrap_or(&unwritten)),
            mask(self.dropout.as_ref()),
            operands.terms(),
            d,
            self.scale,
            self.window.unwrap_or(0),
            attention_blocks(),
            operands.width(self.heads),
            self.window.is_some(),
            operands.has_query_terms(),
            operands.has_key_terms(),
            self.dropout.is_some(),
        );
        FlashGradients { query, key, value, by_query: of_query_terms, by_key: of_key_terms }
    }
}
