//! Scores of attention: which keys a query sees, and the terms that depend on their distance.

use cubecl::prelude::*;

use super::super::attention::forward::TilePlace;
use super::super::attention::tiles::{CHUNK, ROW, TILE, UNITS};

/// Where the terms by relative position are. Their tables are `[heads, queries, rows]` and `[heads, keys, rows]`, with these strides;
/// their gradients are `[queries, heads, rows]` and `[keys, heads, rows]`.
#[derive(CubeType, CubeLaunch, Clone)]
#[expand(derive(Clone))]
pub struct Terms {
    /// Index of the distance 0.
    pub center: u32,
    /// The row of relative positions that the first one of the terms is.
    pub first_row: u32,
    /// Rows of relative positions.
    pub rows: u32,
    pub query_stride: u32,
    pub query_head_stride: u32,
    pub key_head_stride: u32,
    /// Scale of the terms.
    pub scale: f32,
}

/// The keys that the tile's queries see, or the queries that see its keys: from a multiple of [`CHUNK`].
#[derive(CubeType, Clone, Copy)]
#[expand(derive(Clone))]
pub struct Neighbors {
    pub start: usize,
    pub end: usize,
}

/// Returns the rows on the other side that are at most `window` away from one of the tile's.
#[cube]
pub fn neighbors(place: &TilePlace, window: usize, #[comptime] windowed: bool) -> Neighbors {
    let mut start = 0usize.runtime();
    let mut end = place.other.count;
    if windowed {
        if place.number > window {
            start = (place.number - window) / CHUNK * CHUNK;
        }
        let last = place.number + place.own.count + window;
        if end > last {
            end = last;
        }
    }
    Neighbors { start, end }
}

/// Whether two rows of an example see each other.
#[cube]
pub fn sees(own: usize, other: usize, window: usize, #[comptime] windowed: bool) -> bool {
    let mut seen = true.runtime();
    if windowed {
        seen = own <= other + window && other <= own + window;
    }
    seen
}

/// Returns which of the terms belongs to the distance from a key to a query.
#[cube]
fn distance_row(rows: &Tensor<u32>, terms: &Terms, query: usize, key: usize) -> usize {
    (rows[terms.center as usize + query - key] - terms.first_row) as usize
}

/// Returns the terms of the score of a query and a key, at these positions of the example and in these rows.
#[cube]
pub fn term_score(
    rows: &Tensor<u32>,
    by_query: &Tensor<f32>,
    by_key: &Tensor<f32>,
    terms: &Terms,
    query: usize,
    key: usize,
    query_row: usize,
    key_row: usize,
    #[comptime] has_query_terms: bool,
    #[comptime] has_key_terms: bool,
) -> f32 {
    let mut score = 0.0f32;
    if has_query_terms || has_key_terms {
        let head = CUBE_POS_Y as usize;
        let of = distance_row(rows, terms, query, key);
        if has_query_terms {
            score += by_query[query_row * terms.query_stride as usize + head * terms.query_head_stride as usize + of];
        }
        if has_key_terms {
            score += by_key[key_row * terms.rows as usize + head * terms.key_head_stride as usize + of];
        }
    }
    score * terms.scale
}

/// Adds up the gradients of a tile's scores with a chunk, `weights`, by relative position. Equal relative positions follow each other,
/// and the unit of the last one adds all of them, so that no two units add to the same number.
#[cube]
pub fn sum_terms(
    weights: &Shared<[f32]>,
    rows: &Tensor<u32>,
    terms: &Terms,
    place: &TilePlace,
    start: usize,
    end: usize,
    sums: &mut Tensor<f32>,
    #[comptime] of_keys: bool,
) {
    let mut count = end - start;
    if count > CHUNK {
        count = CHUNK.runtime();
    }
    #[unroll]
    for round in 0..TILE * CHUNK / UNITS {
        let at = round * UNITS + UNIT_POS_X as usize;
        let row = at / CHUNK;
        let other = at % CHUNK;
        if row < place.own.count && other < count {
            let own = place.number + row;
            let of = tile_distance_row(rows, terms, own, start + other, of_keys);
            let mut is_last = true.runtime();
            if other + 1 < count {
                is_last = tile_distance_row(rows, terms, own, start + other + 1, of_keys) != of;
            }
            if is_last {
                let mut sum = weights[row * ROW + other];
                let mut at = other;
                let mut more = at > 0;
                while more {
                    at -= 1;
                    more = tile_distance_row(rows, terms, own, start + at, of_keys) == of;
                    if more {
                        sum += weights[row * ROW + at];
                        more = at > 0;
                    }
                }
                let head = (place.own.first + row) * CUBE_COUNT_Y as usize + CUBE_POS_Y as usize;
                sums[head * terms.rows as usize + of] += sum * terms.scale;
            }
        }
    }
    // The next chunk may continue a sum of this one.
    sync_storage();
}

#[cube]
fn tile_distance_row(rows: &Tensor<u32>, terms: &Terms, own: usize, other: usize, #[comptime] of_keys: bool) -> usize {
    let mut query = own;
    let mut key = other;
    if of_keys {
        query = other;
        key = own;
    }
    distance_row(rows, terms, query, key)
}

/// Sets the sums of a tile's rows to 0.
#[cube]
pub fn clear_terms(terms: &Terms, place: &TilePlace, sums: &mut Tensor<f32>) {
    let rows = terms.rows as usize;
    let mut at = UNIT_POS_X as usize;
    while at < place.own.count * rows {
        let head = (place.own.first + at / rows) * CUBE_COUNT_Y as usize + CUBE_POS_Y as usize;
        sums[head * rows + at % rows] = 0.0f32;
        at += UNITS;
    }
    sync_storage();
}
