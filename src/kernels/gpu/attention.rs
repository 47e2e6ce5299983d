//! Scaled dot-product attention within each example of a batch without padding, over ragged matrices: P of example e and head
//! h is `[queries of e, keys of e]`, behind that of the heads and examples before.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use super::philox::{attention_blocks, mask};
use super::product::factors;
use super::ragged::attend;
use super::ragged_backward::{attend_backward_keys, attend_backward_queries};
use super::reduce::column_sums;
use super::stack::{layers, stack_room};
use super::tables::TILE_FIELDS;
use super::tensors::{dense, elements, room, room_for, sizes};
use super::tiles::UNITS;
use crate::kernels::operations::{Attending, Products};

/// What attention leaves for its backward pass.
#[derive(Clone, Debug)]
pub struct Attended {
    operands: [CubeTensor; 6],
    how: Attending,
    queries: Side,
    keys: Side,
    /// P, negative where dropout left it out.
    probabilities: CubeTensor,
    out: CubeTensor,
}

/// The rows that ask, or those that are asked.
#[derive(Clone, Debug)]
struct Side {
    tiles: CubeTensor,
    places: CubeTensor,
}

impl Side {
    fn tiles(&self) -> usize {
        elements(&self.tiles) / TILE_FIELDS
    }

    /// One for each tile and head.
    fn cubes(&self, heads: usize) -> CubeCount {
        CubeCount::Static(self.tiles() as u32, heads as u32, 1)
    }
}

fn arg(tensor: &CubeTensor) -> TensorArg {
    tensor.clone().into_tensor_arg()
}

impl Attended {
    fn width(&self) -> usize {
        sizes(&self.operands[0]).1 / self.how.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width() as f32).sqrt()
    }

    /// What a kept probability was multiplied with.
    fn kept(&self) -> f32 {
        self.how.drop.as_ref().map_or(1.0, |drop| drop.parts().3)
    }

    fn halves(&self) -> bool {
        self.how.products == Products::Bf16
    }

    /// O `[queries, d]` from queries, keys and values, each with its bias behind it.
    pub fn forward(operands: [CubeTensor; 6], how: Attending) -> (CubeTensor, Self) {
        let operands = operands.map(dense);
        let tables = how.rows.tables(&operands[0]);
        let side = |tiles: &CubeTensor, places: &CubeTensor| Side { tiles: tiles.clone(), places: places.clone() };
        let (queries, keys) = if how.firsts {
            (side(&tables.first_tiles, &tables.first_queries), side(&tables.tiles, &tables.first_keys))
        } else {
            (side(&tables.tiles, &tables.queries), side(&tables.tiles, &tables.keys))
        };
        let (turn, count) = (tables.turn.clone(), tables.probabilities(how.heads, how.firsts));
        let (rows, d) = sizes(&operands[0]);
        let out = room_for(&operands[0], [rows, d], factors(how.products));
        let probabilities = room(&operands[0], [count]);
        let attended = Self { operands, how, queries, keys, probabilities, out: out.clone() };
        let [query, query_bias, key, key_bias, value, value_bias] = attended.operands.each_ref().map(arg);
        let drop = attended.how.drop.as_ref();
        let launch = if attended.halves() { attend::launch::<bf16> } else { attend::launch::<f32> };
        launch(
            &out.client,
            attended.queries.cubes(attended.how.heads),
            CubeDim::new_1d(UNITS as u32),
            query,
            query_bias,
            key,
            key_bias,
            value,
            value_bias,
            arg(&attended.queries.tiles),
            arg(&attended.queries.places),
            arg(&turn),
            arg(&attended.probabilities),
            arg(&out),
            mask(drop),
            d,
            attended.scale(),
            attention_blocks(),
            attended.width(),
            drop.is_some(),
        );
        (out, attended)
    }

    /// The gradients of the operands.
    pub fn backward(&self, gradient: CubeTensor) -> [CubeTensor; 6] {
        let gradient = dense(gradient);
        let [query, query_bias, key, key_bias, value, value_bias] = &self.operands;
        let (rows, d) = sizes(query);
        let keys = sizes(key).0;
        let numbers = factors(self.how.products);
        let alike = |count, rows| stack_room(&gradient, count, [rows, d], numbers);
        let parts = |side: &Side| room(&gradient, [side.tiles(), d]);
        let s = room(&gradient, [elements(&self.probabilities)]);
        // Behind each other, where they are of one size.
        let [of_query, of_key, of_value] = if self.how.firsts {
            let [of_key, of_value] = layers(&alike(2, keys));
            [room_for(&gradient, [rows, d], numbers), of_key, of_value]
        } else {
            layers(&alike(3, rows))
        };
        let [query_parts, key_parts, value_parts] = [&self.queries, &self.keys, &self.keys].map(parts);
        let launch = if self.halves() { attend_backward_queries::launch::<bf16> } else { attend_backward_queries::launch::<f32> };
        launch(
            &s.client,
            self.queries.cubes(self.how.heads),
            CubeDim::new_1d(UNITS as u32),
            arg(&gradient),
            arg(&self.out),
            arg(key),
            arg(key_bias),
            arg(value),
            arg(value_bias),
            arg(&self.queries.tiles),
            arg(&self.queries.places),
            arg(&self.probabilities),
            arg(&s),
            arg(&of_query),
            arg(&query_parts),
            self.kept(),
            d,
            self.scale(),
            self.width(),
        );
        let launch = if self.halves() { attend_backward_keys::launch::<bf16> } else { attend_backward_keys::launch::<f32> };
        launch(
            &s.client,
            self.keys.cubes(self.how.heads),
            CubeDim::new_1d(UNITS as u32),
            arg(&gradient),
            arg(query),
            arg(query_bias),
            arg(&self.keys.tiles),
            arg(&self.keys.places),
            arg(&self.probabilities),
            arg(&s),
            arg(&of_key),
            arg(&of_value),
            arg(&key_parts),
            arg(&value_parts),
            self.kept(),
            d,
            self.scale(),
            self.width(),
        );
        let [of_query_bias, of_key_bias, of_value_bias] = column_sums(&[&query_parts, &key_parts, &value_parts], &[]);
        [of_query, of_query_bias, of_key, of_key_bias, of_value, of_value_bias]
    }
}
