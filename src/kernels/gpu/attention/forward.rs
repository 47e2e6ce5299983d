//! Attention kernels over ragged matrices, which have one row per head and query, as long as the query's example. One cube
//! processes one [tile](super::tiles) of one head; [`super`] documents the layout.
//!
//! P is stored with a sign: negative where dropout removed it, so that the backward pass need not recompute the mask.

use cubecl::prelude::*;

use super::super::philox::{Mask, factors};
use super::table_fields::{FIELDS, TILE_FIELDS};
use super::tiles::{CHUNK, GROUP, HELD, PAIR, ROW, SLICED, Span, TILE, load_tile, mix, multiply, pair, slices, store, stride};

/// Location of a cube's tile.
#[derive(CubeType, Clone, Copy)]
#[expand(derive(Clone))]
pub struct TilePlace {
    /// The tile's rows.
    pub own: Span,
    /// The example's rows on the other side: keys for a tile of queries, queries for a tile of keys.
    pub other: Span,
    /// Index of the tile's first row within its example.
    pub number: usize,
    /// Where the probabilities of this head and example begin.
    pub start: usize,
    /// Token row of the tile's first row.
    pub token: u32,
}

/// Returns the location of this cube's tile of queries, or of keys.
#[cube]
pub fn tile_place(
    tiles: &Tensor<u32>,
    places: &Tensor<u32>,
    d: usize,
    #[comptime] width: usize,
    #[comptime] of_keys: bool,
) -> TilePlace {
    let tile = CUBE_POS_X as usize * TILE_FIELDS;
    let first = tiles[tile] as usize;
    let place = first * FIELDS;
    let head = CUBE_POS_Y as usize;
    let heads = CUBE_COUNT_Y as usize;
    let column = head * width;
    let keys = places[place + 1] as usize;
    let queries = places[place + 2] as usize;
    let count = tiles[tile + 1] as usize;
    let mut others = keys;
    if of_keys {
        others = queries;
    }
    if count == 0 {
        others = 0usize.runtime();
    }
    TilePlace {
        own: Span { first, count, d, column },
        other: Span { first: places[place] as usize, count: others, d, column },
        number: places[place + 4] as usize,
        start: places[place + 3] as usize * heads + head * queries * keys,
        token: places[place + 5],
    }
}

/// Writes a tile's scores to `p`. For each row, this unit keeps the maximum of its scores and the sum of their exponentials
/// relative to it.
#[cube]
fn score(
    tile: &Shared<[f32]>,
    k: &Tensor<f32>,
    k_bias: &Tensor<f32>,
    place: &TilePlace,
    row: usize,
    p: &mut Tensor<f32>,
    slice: &mut Shared<[f32]>,
    held: &mut Array<f32>,
    largest: &mut Array<f32>,
    sums: &mut Array<f32>,
    #[comptime] width: usize,
) {
    let keys = place.other.count;
    let block = UNIT_POS_X as usize % 16;
    let mut start = 0usize.runtime();
    while start < keys {
        multiply(tile, k, k_bias, &place.other, start, slice, held, width, true);
        #[unroll]
        for own in 0..PAIR {
            if pair() + own < place.own.count {
                let mut most = largest[own];
                #[unroll]
                for word in 0..4usize {
                    let key = start + block + 16 * word;
                    if key < keys && held[4 * own + word] > most {
                        most = held[4 * own + word];
                    }
                }
                let mut sum = sums[own] * f32::exp(largest[own] - most);
                #[unroll]
                for word in 0..4usize {
                    let key = start + block + 16 * word;
                    if key < keys {
                        p[row + own * keys + key] = held[4 * own + word];
                        sum += f32::exp(held[4 * own + word] - most);
                    }
                }
                largest[own] = most;
                sums[own] = sum;
            }
        }
        start += CHUNK;
    }
}

/// Combines the results of each row's 16 units: the maximum, and the reciprocal of the sum of exponentials relative to it.
#[cube]
fn agree(largest: &mut Array<f32>, sums: &mut Array<f32>, weights: &mut Shared<[f32]>, slice: &mut Shared<[f32]>) {
    let block = UNIT_POS_X as usize % 16;
    sync_cube();
    #[unroll]
    for own in 0..PAIR {
        weights[(pair() + own) * 16 + block] = largest[own];
        slice[(pair() + own) * 16 + block] = sums[own];
    }
    sync_cube();
    #[unroll]
    for own in 0..PAIR {
        let of = (pair() + own) * 16;
        let mut most = weights[of];
        for other in 1..16usize {
            if weights[of + other] > most {
                most = weights[of + other];
            }
        }
        let mut sum = 0.0f32;
        for other in 0..16usize {
            sum += slice[of + other] * f32::exp(weights[of + other] - most);
        }
        largest[own] = most;
        sums[own] = 1.0f32 / sum;
    }
}

/// Computes O = dropout(P) (V + v), and writes P = softmax((Q + q)(K + k)ᵀ · scale).
#[cube(launch)]
pub fn attend<E: Float>(
    q: &Tensor<f32>,
    q_bias: &Tensor<f32>,
    k: &Tensor<f32>,
    k_bias: &Tensor<f32>,
    v: &Tensor<f32>,
    v_bias: &Tensor<f32>,
    tiles: &Tensor<u32>,
    places: &Tensor<u32>,
    number: &Tensor<u32>,
    p: &mut Tensor<f32>,
    out: &mut Tensor<E>,
    mask: Mask,
    d: usize,
    scale: f32,
    row_blocks: u32,
    #[comptime] width: usize,
    #[comptime] drops: bool,
) {
    let place = tile_place(tiles, places, d, width, false);
    let keys = place.other.count;
    let mut tile = Shared::new_slice(comptime!(TILE * stride(width)));
    let mut slice = Shared::new_slice(SLICED);
    let mut weights = Shared::new_slice(comptime!(TILE * ROW));
    load_tile(q, q_bias, &place.own, scale, &mut tile, width, true);
    let block = UNIT_POS_X % 16;
    let row = place.start + (place.number + pair()) * keys;
    // Each unit reads back only what it wrote itself, so no unit waits for another.
    let mut held = Array::new(HELD);
    let mut largest = Array::new(PAIR);
    let mut sums = Array::new(PAIR);
    #[unroll]
    for own in 0..PAIR {
        largest[own] = f32::min_value();
        sums[own] = 0.0f32;
    }
    score(&tile, k, k_bias, &place, row, p, &mut slice, &mut held, &mut largest, &mut sums, width);
    agree(&mut largest, &mut sums, &mut weights, &mut slice);
    let mut mixed = Array::new(comptime!(GROUP * slices(width)));
    #[unroll]
    for index in 0..comptime!(GROUP * slices(width)) {
        mixed[index] = 0.0f32;
    }
    let mut factor = Array::new(4usize);
    let mut start = 0usize.runtime();
    while start < keys {
        sync_cube();
        #[unroll]
        for own in 0..PAIR {
            if drops {
                let token = (place.token + (pair() + own) as u32) * CUBE_COUNT_Y + CUBE_POS_Y;
                factors(&mask, number, token, row_blocks, start as u32 / 4 + block, &mut factor);
            }
            #[unroll]
            for word in 0..4usize {
                let key = start + block as usize + 16 * word;
                let mut weight = 0.0f32;
                if key < keys && pair() + own < place.own.count {
                    let at = row + own * keys + key;
                    let mut signed = f32::exp(p[at] - largest[own]) * sums[own];
                    weight = signed;
                    if drops {
                        weight = signed * factor[word];
                        if factor[word] == 0.0f32 {
                            signed = -signed;
                        }
                    }
                    p[at] = signed;
                }
                weights[(pair() + own) * ROW + block as usize + 16 * word] = weight;
            }
        }
        mix(&weights, v, v_bias, &place.other, start, &mut slice, &mut mixed, width, true);
        start += CHUNK;
    }
    store(&mixed, 1.0f32, &place.own, out, width);
}
