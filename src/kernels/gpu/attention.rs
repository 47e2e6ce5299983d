//! Scaled dot-product attention within each example of a batch without padding, as products and row operations over
//! ragged matrices: P of example e and head h is `[queries of e, keys of e]`, behind that of the heads and examples before.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::philox::{attention_blocks, mask};
use super::ragged::{mix, scores, soften, soften_backward};
use super::reduce::column_sums;
use super::tables::{FIELDS, Tables};
use super::tensors::{dense, room, shape, sizes};
use crate::kernels::operations::Attending;

/// Units of a cube that works on one query's or one key's row of one head.
const UNITS: u32 = 64;

/// What attention leaves for its backward pass.
#[derive(Clone, Debug)]
pub struct Attended {
    operands: [CubeTensor; 6],
    how: Attending,
    queries: CubeTensor,
    keys: CubeTensor,
    turn: CubeTensor,
    /// Probabilities there is room for.
    count: usize,
    probabilities: CubeTensor,
    dropped: CubeTensor,
}

/// A rows' matrix that is mixed: what with, and which way round.
struct Mixed<'a> {
    weights: &'a CubeTensor,
    x: &'a CubeTensor,
    bias: Option<&'a CubeTensor>,
    scale: f32,
    /// Whether the result has rows of keys.
    turned: bool,
}

impl Attended {
    fn width(&self) -> usize {
        sizes(&self.operands[0]).1 / self.how.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width() as f32).sqrt()
    }

    fn cubes(&self, rows: usize) -> CubeCount {
        CubeCount::Static(rows as u32, self.how.heads as u32, 1)
    }

    fn scores(&self, a: &CubeTensor, a_bias: Option<&CubeTensor>, b: usize, scale: f32) -> CubeTensor {
        let [matrix, bias] = [&self.operands[b], &self.operands[b + 1]];
        let (queries, d) = sizes(a);
        let s = room(a, [self.count]);
        scores::launch(
            &s.client,
            self.cubes(queries),
            CubeDim::new_1d(UNITS),
            a.clone().into_tensor_arg(),
            a_bias.unwrap_or(bias).clone().into_tensor_arg(),
            matrix.clone().into_tensor_arg(),
            bias.clone().into_tensor_arg(),
            self.queries.clone().into_tensor_arg(),
            s.clone().into_tensor_arg(),
            d,
            scale,
            self.width(),
            a_bias.is_some(),
            UNITS,
        );
        s
    }

    fn mix(&self, Mixed { weights, x, bias, scale, turned }: Mixed<'_>) -> CubeTensor {
        let places = if turned { &self.keys } else { &self.queries };
        let (rows, d) = (shape(places)[0] / FIELDS, sizes(x).1);
        let out = room(x, [rows, d]);
        mix::launch(
            &out.client,
            self.cubes(rows),
            CubeDim::new_1d(UNITS),
            weights.clone().into_tensor_arg(),
            x.clone().into_tensor_arg(),
            bias.unwrap_or(&self.operands[1]).clone().into_tensor_arg(),
            places.clone().into_tensor_arg(),
            out.clone().into_tensor_arg(),
            d,
            scale,
            self.width(),
            turned,
            bias.is_some(),
            UNITS,
        );
        out
    }

    /// O `[queries, d]` from queries, keys and values, each with its bias behind it.
    pub fn forward(operands: [CubeTensor; 6], how: Attending) -> (CubeTensor, Self) {
        let operands = operands.map(dense);
        let tables = how.rows.tables(&operands[0]);
        let (queries, keys) = places(tables, how.firsts);
        let (turn, count) = (tables.turn.clone(), tables.probabilities(how.heads, how.firsts));
        let (heads, asking) = (how.heads as u32, sizes(&operands[0]).0);
        let [probabilities, dropped] = [operands[1].clone(), operands[1].clone()];
        let mut attended = Self { operands, how, queries, keys, turn, count, probabilities, dropped };
        let s = attended.scores(&attended.operands[0], Some(&attended.operands[1]), 2, attended.scale());
        let drop = attended.how.drop.as_ref();
        let dropped = drop.map_or_else(|| s.clone(), |_| room(&s, [attended.count]));
        // Without dropout nothing is written beside P; a buffer may not be bound twice where one of them is written.
        let beside = if drop.is_some() { dropped.clone() } else { room(&s, [1]) };
        soften::launch(
            &s.client,
            attended.cubes(asking),
            CubeDim::new_1d(UNITS),
            s.clone().into_tensor_arg(),
            beside.into_tensor_arg(),
            attended.queries.clone().into_tensor_arg(),
            attended.turn.clone().into_tensor_arg(),
            mask(drop),
            heads,
            attention_blocks(),
            drop.is_some(),
            UNITS,
        );
        (attended.probabilities, attended.dropped) = (s, dropped);
        let [_, _, _, _, value, bias] = &attended.operands;
        let out = Mixed { weights: &attended.dropped, x: value, bias: Some(bias), scale: 1.0, turned: false };
        (attended.mix(out), attended)
    }

    /// The gradients of the operands.
    pub fn backward(&self, gradient: CubeTensor) -> [CubeTensor; 6] {
        let gradient = dense(gradient);
        let s = self.scores(&gradient, None, 4, 1.0);
        let drop = self.how.drop.as_ref();
        soften_backward::launch(
            &s.client,
            self.cubes(sizes(&gradient).0),
            CubeDim::new_1d(UNITS),
            s.clone().into_tensor_arg(),
            self.probabilities.clone().into_tensor_arg(),
            self.queries.clone().into_tensor_arg(),
            self.turn.clone().into_tensor_arg(),
            mask(drop),
            self.how.heads as u32,
            attention_blocks(),
            drop.is_some(),
            UNITS,
        );
        let [query, query_bias, key, key_bias, _, _] = &self.operands;
        let scale = self.scale();
        let of_query = self.mix(Mixed { weights: &s, x: key, bias: Some(key_bias), scale, turned: false });
        let of_key = self.mix(Mixed { weights: &s, x: query, bias: Some(query_bias), scale, turned: true });
        let of_value = self.mix(Mixed { weights: &self.dropped, x: &gradient, bias: None, scale: 1.0, turned: true });
        let [of_query_bias, of_key_bias, of_value_bias] = column_sums([&of_query, &of_key, &of_value]);
        [of_query, of_query_bias, of_key, of_key_bias, of_value, of_value_bias]
    }
}

/// The places of queries and of keys.
fn places(tables: &Tables, firsts: bool) -> (CubeTensor, CubeTensor) {
    let (queries, keys) = if firsts { (&tables.first_queries, &tables.first_keys) } else { (&tables.queries, &tables.keys) };
    (queries.clone(), keys.clone())
}
