//! [`Attention`] on a GPU, over ragged matrices: P of example e and head h is `[queries of e, keys of e]`, stored after that
//! of the previous heads and examples.

mod backward;
pub mod forward;
mod table_fields;
pub mod tiles;

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use self::backward::{attend_backward_keys, attend_backward_queries};
use self::forward::attend;
pub use self::table_fields::{FIELDS, TILE_FIELDS};
pub use self::tiles::TILE;
use self::tiles::UNITS;
use super::matmul::factor_type;
use super::matrix_batch::{empty_batch, matrices};
use super::philox::{attention_blocks, mask};
use super::reduce::column_sums;
use super::tensors::{dense, elements, empty, empty_of, sizes};
use crate::kernels::operation::Kernel;
use crate::kernels::{Attention, MatmulPrecision, Queries};

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedAttention {
    operands: [CubeTensor; 6],
    options: Attention,
    queries: Side,
    keys: Side,
    /// P, negative where dropout removed it.
    probabilities: CubeTensor,
    out: CubeTensor,
}

/// The tiles and locations of the query rows, or of the key rows.
#[derive(Clone, Debug)]
struct Side {
    tiles: CubeTensor,
    places: CubeTensor,
}

impl Side {
    fn tiles(&self) -> usize {
        elements(&self.tiles) / TILE_FIELDS
    }

    /// Returns one cube per tile and head.
    fn cubes(&self, heads: usize) -> CubeCount {
        CubeCount::Static(self.tiles() as u32, heads as u32, 1)
    }
}

fn arg(tensor: &CubeTensor) -> TensorArg {
    tensor.clone().into_tensor_arg()
}

impl SavedAttention {
    fn width(&self) -> usize {
        sizes(&self.operands[0]).1 / self.options.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width() as f32).sqrt()
    }

    /// Returns the factor on kept probabilities.
    fn kept(&self) -> f32 {
        self.options.dropout.as_ref().map_or(1.0, |mask| mask.parts().3)
    }

    fn halves(&self) -> bool {
        self.options.precision == MatmulPrecision::Bf16
    }
}

impl Kernel<Cube, 6> for Attention {
    type Saved = SavedAttention;

    fn forward(self, operands: [CubeTensor; 6]) -> (CubeTensor, Self::Saved) {
        let operands = operands.map(dense);
        let tables = self.batch.tables(&operands[0]);
        let side = |tiles: &CubeTensor, places: &CubeTensor| Side { tiles: tiles.clone(), places: places.clone() };
        let (queries, keys) = if self.queries == Queries::First {
            (side(&tables.first_tiles, &tables.first_queries), side(&tables.tiles, &tables.first_keys))
        } else {
            (side(&tables.tiles, &tables.queries), side(&tables.tiles, &tables.keys))
        };
        let (number, count) = (tables.number.clone(), tables.probabilities(self.heads, self.queries));
        let (rows, d) = sizes(&operands[0]);
        let out = empty_of(&operands[0], [rows, d], factor_type(self.precision));
        let probabilities = empty(&operands[0], [count]);
        let saved = SavedAttention { operands, options: self, queries, keys, probabilities, out: out.clone() };
        let [query, query_bias, key, key_bias, value, value_bias] = saved.operands.each_ref().map(arg);
        let dropout = saved.options.dropout.as_ref();
        let launch = if saved.halves() { attend::launch::<bf16> } else { attend::launch::<f32> };
        launch(
            &out.client,
            saved.queries.cubes(saved.options.heads),
            CubeDim::new_1d(UNITS as u32),
            query,
            query_bias,
            key,
            key_bias,
            value,
            value_bias,
            arg(&saved.queries.tiles),
            arg(&saved.queries.places),
            arg(&number),
            arg(&saved.probabilities),
            arg(&out),
            mask(dropout),
            d,
            saved.scale(),
            attention_blocks(),
            saved.width(),
            dropout.is_some(),
        );
        (out, saved)
    }

    fn backward(saved: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 6] {
        let gradient = dense(gradient);
        let [query, query_bias, key, key_bias, value, value_bias] = &saved.operands;
        let (rows, d) = sizes(query);
        let keys = sizes(key).0;
        let number = factor_type(saved.options.precision);
        let batch = |count, rows| empty_batch(&gradient, count, [rows, d], number);
        let parts = |side: &Side| empty(&gradient, [side.tiles(), d]);
        let s = empty(&gradient, [elements(&saved.probabilities)]);
        // Gradients of the same size are allocated as one batch: the projections' backward pass multiplies all of them.
        let [of_query, of_key, of_value] = if saved.options.queries == Queries::First {
            let [of_key, of_value] = matrices(&batch(2, keys));
            [empty_of(&gradient, [rows, d], number), of_key, of_value]
        } else {
            matrices(&batch(3, rows))
        };
        let [query_parts, key_parts, value_parts] = [&saved.queries, &saved.keys, &saved.keys].map(parts);
        let launch =
            if saved.halves() { attend_backward_queries::launch::<bf16> } else { attend_backward_queries::launch::<f32> };
        launch(
            &s.client,
            saved.queries.cubes(saved.options.heads),
            CubeDim::new_1d(UNITS as u32),
            arg(&gradient),
            arg(&saved.out),
            arg(key),
            arg(key_bias),
            arg(value),
            arg(value_bias),
            arg(&saved.queries.tiles),
            arg(&saved.queries.places),
            arg(&saved.probabilities),
            arg(&s),
            arg(&of_query),
            arg(&query_parts),
            saved.kept(),
            d,
            saved.scale(),
            saved.width(),
        );
        let launch = if saved.halves() { attend_backward_keys::launch::<bf16> } else { attend_backward_keys::launch::<f32> };
        launch(
            &s.client,
            saved.keys.cubes(saved.options.heads),
            CubeDim::new_1d(UNITS as u32),
            arg(&gradient),
            arg(query),
            arg(query_bias),
            arg(&saved.keys.tiles),
            arg(&saved.keys.places),
            arg(&saved.probabilities),
            arg(&s),
            arg(&of_key),
            arg(&of_value),
            arg(&key_parts),
            arg(&value_parts),
            saved.kept(),
            d,
            saved.scale(),
            saved.width(),
        );
        let [of_query_bias, of_key_bias, of_value_bias] = column_sums(&[&query_parts, &key_parts, &value_parts], &[]);
        [of_query, of_query_bias, of_key, of_key_bias, of_value, of_value_bias]
    }
}
