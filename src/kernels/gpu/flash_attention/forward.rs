//! The forward pass: the softmax of a row is computed chunk by chunk, relative to the largest score so far (Milakov and Gimelshein
//! 2018; Dao et al. 2022).

use cubecl::prelude::*;

use super::super::attention::forward::{TilePlace, tile_place};
use super::super::attention::tiles::{
    CHUNK, GROUP, HELD, PAIR, ROW, SLICED, TILE, clear, group, load_tile, mix, multiply, pair, slices, store, stride,
};
use super::super::philox::{Mask, factors};
use super::scores::{Terms, neighbors, sees, term_score};

/// Multiplies the sums of a tile's rows by a factor for each row.
#[cube]
fn rescale(sums: &mut Array<f32>, row_factors: &Shared<[f32]>, #[comptime] width: usize) {
    #[unroll]
    for slice in 0..comptime!(slices(width)) {
        #[unroll]
        for row in 0..GROUP {
            sums[comptime!(slice * GROUP) + row] *= row_factors[group() + row];
        }
    }
}

/// Returns the largest number of a row's 16 units.
#[cube]
fn largest_of(numbers: &Shared<[f32]>, row: usize) -> f32 {
    let mut most = numbers[row * 16];
    for other in 1..16usize {
        if numbers[row * 16 + other] > most {
            most = numbers[row * 16 + other];
        }
    }
    most
}

/// Adds up the sums of exponentials of each row's 16 units, and writes their inverse and the row's largest score.
#[cube]
fn finish(
    place: &TilePlace,
    largest: &Array<f32>,
    sums: &Array<f32>,
    slice: &mut Shared<[f32]>,
    row_factors: &mut Shared<[f32]>,
    kept: &mut Tensor<f32>,
) {
    let block = UNIT_POS_X as usize % 16;
    sync_cube();
    #[unroll]
    for own in 0..PAIR {
        slice[(pair() + own) * 16 + block] = sums[own];
    }
    sync_cube();
    #[unroll]
    for own in 0..PAIR {
        let row = pair() + own;
        let mut sum = 0.0f32;
        for other in 0..16usize {
            sum += slice[row * 16 + other];
        }
        // A row of padding sees no key.
        let mut inverse = 0.0f32;
        if sum != 0.0f32 {
            inverse = 1.0f32 / sum;
        }
        if block == 0 {
            row_factors[row] = inverse;
            if row < place.own.count {
                let at = ((place.own.first + row) * CUBE_COUNT_Y as usize + CUBE_POS_Y as usize) * 2;
                kept[at] = largest[own];
                kept[at + 1] = inverse;
            }
        }
    }
}

/// Computes O = dropout(P) V with P = softmax(S), and `kept` of each row and head: its largest score, and the inverse of the sum of
/// exponentials relative to it.
#[cube(launch)]
pub fn flash_attend<E: Float>(
    q: &Tensor<f32>,
    k: &Tensor<f32>,
    v: &Tensor<f32>,
    tiles: &Tensor<u32>,
    places: &Tensor<u32>,
    number: &Tensor<u32>,
    rows: &Tensor<u32>,
    by_query: &Tensor<f32>,
    by_key: &Tensor<f32>,
    kept: &mut Tensor<f32>,
    out: &mut Tensor<E>,
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
    let mut tile = Shared::new_slice(comptime!(TILE * stride(width)));
    let mut slice = Shared::new_slice(SLICED);
    let mut weights = Shared::new_slice(comptime!(TILE * ROW));
    let mut row_factors = Shared::new_slice(TILE);
    load_tile(q, q, &place.own, scale, &mut tile, width, false);
    let block = UNIT_POS_X as usize % 16;
    let mut held = Array::new(HELD);
    let mut largest = Array::new(PAIR);
    let mut sums = Array::new(PAIR);
    #[unroll]
    for own in 0..PAIR {
        largest[own] = f32::min_value();
        sums[own] = 0.0f32;
    }
    let mut mixed = Array::new(comptime!(GROUP * slices(width)));
    clear(&mut mixed, width);
    let mut factor = Array::new(4usize);
    let mut start = neighbors.start;
    while start < neighbors.end {
        multiply(&tile, k, k, &place.other, start, &mut slice, &mut held, width, false);
        sync_cube();
        #[unroll]
        for own in 0..PAIR {
            let row = pair() + own;
            let mut most = largest[own];
            #[unroll]
            for word in 0..4usize {
                let key = start + block + 16 * word;
                let mut score = f32::min_value();
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
                        score = held[4 * own + word] + term;
                        if score > most {
                            most = score;
                        }
                    }
                }
                held[4 * own + word] = score;
            }
            slice[row * 16 + block] = most;
        }
        sync_cube();
        #[unroll]
        for own in 0..PAIR {
            let row = pair() + own;
            let most = largest_of(&slice, row);
            let factor_before = f32::exp(largest[own] - most);
            largest[own] = most;
            if block == 0 {
                row_factors[row] = factor_before;
            }
            if drops {
                let token = (place.token + row as u32) * CUBE_COUNT_Y + CUBE_POS_Y;
                factors(&mask, number, token, row_blocks, start as u32 / 4 + block as u32, &mut factor);
            }
            let mut sum = sums[own] * factor_before;
            #[unroll]
            for word in 0..4usize {
                let mut weight = 0.0f32;
                if held[4 * own + word] != f32::min_value() {
                    weight = f32::exp(held[4 * own + word] - most);
                    sum += weight;
                    if drops {
                        weight *= factor[word];
                    }
                }
                weights[row * ROW + block + 16 * word] = weight;
            }
            sums[own] = sum;
        }
        sync_cube();
        rescale(&mut mixed, &row_factors, width);
        mix(&weights, v, v, &place.other, start, &mut slice, &mut mixed, width, false);
        start += CHUNK;
    }
    finish(&place, &largest, &sums, &mut slice, &mut row_factors, kept);
    sync_cube();
    rescale(&mut mixed, &row_factors, width);
    store(&mixed, 1.0f32, &place.own, out, width);
}
