//! The backward pass, which computes the scores again.

use cubecl::prelude::*;

use super::super::attention::forward::{TilePlace, tile_place};
use super::super::attention::tiles::{
    CHUNK, GROUP, HELD, PAIR, ROW, SLICED, TILE, clear, load_tile, mix, multiply, pair, slices, store, stride,
};
use super::super::philox::{Mask, factors};
use super::scores::{Terms, clear_terms, neighbors, sees, sum_terms, term_score};

/// Writes dO·O of each row of a tile in parts, those of eight units per row.
#[cube]
fn part_of_along<E: Float>(
    gradient_tile: &Shared<[f32]>,
    out: &Tensor<E>,
    place: &TilePlace,
    parts: &mut Shared<[f32]>,
    d: usize,
    #[comptime] width: usize,
) {
    sync_cube();
    let of = UNIT_POS_X as usize / 8;
    let mut part = 0.0f32;
    if of < place.own.count {
        let mut at = UNIT_POS_X as usize % 8;
        while at < width {
            let o = f32::cast_from(out[(place.own.first + of) * d + place.own.column + at]);
            part += gradient_tile[of * comptime!(stride(width)) + at] * o;
            at += 8;
        }
    }
    parts[UNIT_POS_X as usize] = part;
    sync_cube();
}

/// Computes dQ = dS K · scale, the gradient of the terms by query, and dO·O of each row and head, `along`. dS = P ∘ (dP - dO·O), where
/// dP = (dO Vᵀ) ∘ D.
#[cube(launch)]
pub fn flash_backward_queries<E: Float>(
    gradient: &Tensor<f32>,
    out: &Tensor<E>,
    q: &Tensor<f32>,
    k: &Tensor<f32>,
    v: &Tensor<f32>,
    tiles: &Tensor<u32>,
    places: &Tensor<u32>,
    number: &Tensor<u32>,
    rows: &Tensor<u32>,
    by_query: &Tensor<f32>,
    by_key: &Tensor<f32>,
    kept: &Tensor<f32>,
    along: &mut Tensor<f32>,
    of_query: &mut Tensor<E>,
    of_terms: &mut Tensor<f32>,
    mask: Mask,
    terms: Terms,
    d: usize,
    scale: f32,
    window: usize,
    row_blocks: u32,
    #[comptime] width: usize,
    #[comptime] windowed: bool,
    #[comptime] has_query_terms: bool,
    #[comptime] has_key_terms: bool,
    #[comptime] drops: bool,
) {
    let place = tile_place(tiles, places, d, width, false);
    let neighbors = neighbors(&place, window, windowed);
    let head = CUBE_POS_Y as usize;
    let heads = CUBE_COUNT_Y as usize;
    let mut tile = Shared::new_slice(comptime!(TILE * stride(width)));
    let mut gradient_tile = Shared::new_slice(comptime!(TILE * stride(width)));
    let mut slice = Shared::new_slice(SLICED);
    let mut weights = Shared::new_slice(comptime!(TILE * ROW));
    load_tile(q, q, &place.own, scale, &mut tile, width, false);
    load_tile(gradient, gradient, &place.own, 1.0f32, &mut gradient_tile, width, false);
    if has_query_terms {
        clear_terms(&terms, &place, of_terms);
    }
    part_of_along(&gradient_tile, out, &place, &mut weights, d, width);
    let block = UNIT_POS_X as usize % 16;
    let mut alongs = Array::new(PAIR);
    let mut largest = Array::new(PAIR);
    let mut inverse = Array::new(PAIR);
    #[unroll]
    for own in 0..PAIR {
        let row = pair() + own;
        let mut sum = 0.0f32;
        for other in 0..8usize {
            sum += weights[row * 8 + other];
        }
        alongs[own] = sum;
        largest[own] = 0.0f32;
        inverse[own] = 0.0f32;
        if row < place.own.count {
            let at = (place.own.first + row) * heads + head;
            largest[own] = kept[2 * at];
            inverse[own] = kept[2 * at + 1];
            if block == 0 {
                along[at] = sum;
            }
        }
    }
    let mut held = Array::new(HELD);
    let mut probabilities = Array::new(HELD);
    let mut mixed = Array::new(comptime!(GROUP * slices(width)));
    clear(&mut mixed, width);
    let mut factor = Array::new(4usize);
    let mut start = neighbors.start;
    while start < neighbors.end {
        multiply(&tile, k, k, &place.other, start, &mut slice, &mut held, width, false);
        #[unroll]
        for own in 0..PAIR {
            let row = pair() + own;
            #[unroll]
            for word in 0..4usize {
                let key = start + block + 16 * word;
                let mut probability = 0.0f32;
                if key < neighbors.end && row < place.own.count {
                    let query = place.number + row;
                    if sees(query, key, window, windowed) {
                        let term = term_score(
                            rows,
                            by_query,
                            by_key,
                            &terms,
                            query,
                            key,
                            place.own.first + row,
                            place.other.first + key,
                            has_query_terms,
                            has_key_terms,
                        );
                        let score = held[4 * own + word] + term;
                        probability = f32::exp(score - largest[own]) * inverse[own];
                    }
                }
                probabilities[4 * own + word] = probability;
            }
        }
        multiply(&gradient_tile, v, v, &place.other, start, &mut slice, &mut held, width, false);
        #[unroll]
        for own in 0..PAIR {
            let row = pair() + own;
            if drops {
                let token = (place.token + row as u32) * CUBE_COUNT_Y + CUBE_POS_Y;
                factors(&mask, number, token, row_blocks, start as u32 / 4 + block as u32, &mut factor);
            }
            #[unroll]
            for word in 0..4usize {
                let mut of_probability = held[4 * own + word];
                if drops {
                    of_probability *= factor[word];
                }
                weights[row * ROW + block + 16 * word] = probabilities[4 * own + word] * (of_probability - alongs[own]);
            }
        }
        if has_query_terms {
            sync_cube();
            sum_terms(&weights, rows, &terms, &place, start, neighbors.end, of_terms, false);
        }
        mix(&weights, k, k, &place.other, start, &mut slice, &mut mixed, width, false);
        start += CHUNK;
    }
    store(&mixed, scale, &place.own, of_query, width);
}

/// Computes dK = dSᵀ Q · scale, dV = dropout(P)ᵀ dO, and the gradient of the terms by key.
#[cube(launch)]
pub fn flash_backward_keys<E: Float>(
    gradient: &Tensor<f32>,
    q: &Tensor<f32>,
    k: &Tensor<f32>,
    v: &Tensor<f32>,
    tiles: &Tensor<u32>,
    places: &Tensor<u32>,
    number: &Tensor<u32>,
    rows: &Tensor<u32>,
    by_query: &Tensor<f32>,
    by_key: &Tensor<f32>,
    kept: &Tensor<f32>,
    along: &Tensor<f32>,
    of_key: &mut Tensor<E>,
    of_value: &mut Tensor<E>,
    of_terms: &mut Tensor<f32>,
    mask: Mask,
    terms: Terms,
    d: usize,
    scale: f32,
    window: usize,
    row_blocks: u32,
    #[comptime] width: usize,
    #[comptime] windowed: bool,
    #[comptime] has_query_terms: bool,
    #[comptime] has_key_terms: bool,
    #[comptime] drops: bool,
) {
    let place = tile_place(tiles, places, d, width, true);
    let neighbors = neighbors(&place, window, windowed);
    let head = CUBE_POS_Y as usize;
    let heads = CUBE_COUNT_Y as usize;
    let mut key_tile = Shared::new_slice(comptime!(TILE * stride(width)));
    let mut value_tile = Shared::new_slice(comptime!(TILE * stride(width)));
    let mut slice = Shared::new_slice(SLICED);
    let mut of_p = Shared::new_slice(comptime!(TILE * ROW));
    let mut of_s = Shared::new_slice(comptime!(TILE * ROW));
    load_tile(k, k, &place.own, scale, &mut key_tile, width, false);
    load_tile(v, v, &place.own, 1.0f32, &mut value_tile, width, false);
    if has_key_terms {
        clear_terms(&terms, &place, of_terms);
    }
    let mut held = Array::new(HELD);
    let mut probabilities = Array::new(HELD);
    let mut key_sums = Array::new(comptime!(GROUP * slices(width)));
    let mut value_sums = Array::new(comptime!(GROUP * slices(width)));
    clear(&mut key_sums, width);
    clear(&mut value_sums, width);
    let block = UNIT_POS_X as usize % 16;
    let mut factor = Array::new(4usize);
    // All keys of a tile are decided by the same word of their blocks.
    let word_of_key = place.number / 16 % 4;
    let first_token = place.token - place.number as u32;
    let mut start = neighbors.start;
    while start < neighbors.end {
        multiply(&key_tile, q, q, &place.other, start, &mut slice, &mut held, width, false);
        #[unroll]
        for own in 0..PAIR {
            let row = pair() + own;
            let key = place.number + row;
            #[unroll]
            for word in 0..4usize {
                let query = start + block + 16 * word;
                let mut probability = 0.0f32;
                if query < neighbors.end && row < place.own.count {
                    if sees(key, query, window, windowed) {
                        let query_row = place.other.first + query;
                        let term = term_score(
                            rows,
                            by_query,
                            by_key,
                            &terms,
                            query,
                            key,
                            query_row,
                            place.own.first + row,
                            has_query_terms,
                            has_key_terms,
                        );
                        let score = held[4 * own + word] + term;
                        let at = query_row * heads + head;
                        probability = f32::exp(score - kept[2 * at]) * kept[2 * at + 1];
                    }
                }
                probabilities[4 * own + word] = probability;
            }
        }
        multiply(&value_tile, gradient, gradient, &place.other, start, &mut slice, &mut held, width, false);
        #[unroll]
        for own in 0..PAIR {
            let row = pair() + own;
            let key = (place.number + row) as u32;
            #[unroll]
            for word in 0..4usize {
                let query = start + block + 16 * word;
                let probability = probabilities[4 * own + word];
                let mut dropped = probability;
                let mut of_score = 0.0f32;
                if query < neighbors.end && row < place.own.count {
                    let mut of_probability = held[4 * own + word];
                    if drops {
                        let token = (first_token + query as u32) * CUBE_COUNT_Y + CUBE_POS_Y;
                        factors(&mask, number, token, row_blocks, key / 64 * 16 + key % 16, &mut factor);
                        dropped *= factor[word_of_key];
                        of_probability *= factor[word_of_key];
                    }
                    of_score = probability * (of_probability - along[(place.other.first + query) * heads + head]);
                }
                of_p[row * ROW + block + 16 * word] = dropped;
                of_s[row * ROW + block + 16 * word] = of_score;
            }
        }
        if has_key_terms {
            sync_cube();
            sum_terms(&of_s, rows, &terms, &place, start, neighbors.end, of_terms, true);
        }
        mix(&of_p, gradient, gradient, &place.other, start, &mut slice, &mut value_sums, width, false);
        mix(&of_s, q, q, &place.other, start, &mut slice, &mut key_sums, width, false);
        start += CHUNK;
    }
    store(&value_sums, 1.0f32, &place.own, of_value, width);
    store(&key_sums, scale, &place.own, of_key, width);
}
