//! The backward pass of [attention](super::forward).

use cubecl::prelude::*;

use super::forward::tile_place;
use super::table_fields::FIELDS;
use super::tiles::{
    CHUNK, GROUP, HELD, PAIR, ROW, SLICED, TILE, UNITS, load_tile, mix, multiply, pair, slices, store, store_column_sums, stride,
};

/// Returns the dropout factor that a probability's sign encodes: `kept`, or zero if it was dropped.
#[cube]
fn factor_of(signed: f32, kept: f32) -> f32 {
    let mut factor = kept;
    if signed < 0.0f32 {
        factor = 0.0f32;
    }
    factor
}

/// Computes dQ, and writes dS = P ∘ (dP - dO·O), where dP = (dO (V + v)ᵀ) ∘ D.
#[cube(launch)]
pub fn attend_backward_queries<E: Float>(
    gradient: &Tensor<f32>,
    out: &Tensor<E>,
    k: &Tensor<f32>,
    k_bias: &Tensor<f32>,
    v: &Tensor<f32>,
    v_bias: &Tensor<f32>,
    tiles: &Tensor<u32>,
    places: &Tensor<u32>,
    p: &Tensor<f32>,
    s: &mut Tensor<f32>,
    of_query: &mut Tensor<E>,
    parts: &mut Tensor<f32>,
    kept: f32,
    d: usize,
    scale: f32,
    #[comptime] width: usize,
) {
    let place = tile_place(tiles, places, d, width, false);
    let keys = place.other.count;
    let mut tile = Shared::new_slice(comptime!(TILE * stride(width)));
    let mut slice = Shared::new_slice(SLICED);
    let mut weights = Shared::new_slice(comptime!(TILE * ROW));
    load_tile(gradient, k_bias, &place.own, 1.0f32, &mut tile, width, false);
    // dO·O of each row, by eight units per row.
    sync_cube();
    let of = UNIT_POS_X as usize / 8;
    let mut along = 0.0f32;
    if of < place.own.count {
        let mut at = UNIT_POS_X as usize % 8;
        while at < width {
            let o = f32::cast_from(out[(place.own.first + of) * d + place.own.column + at]);
            along += tile[of * comptime!(stride(width)) + at] * o;
            at += 8;
        }
    }
    weights[UNIT_POS_X as usize] = along;
    sync_cube();
    let mut alongs = Array::new(PAIR);
    #[unroll]
    for own in 0..PAIR {
        let mut sum = 0.0f32;
        for other in 0..8usize {
            sum += weights[(pair() + own) * 8 + other];
        }
        alongs[own] = sum;
    }
    let block = UNIT_POS_X as usize % 16;
    let row = place.start + (place.number + pair()) * keys;
    let mut held = Array::new(HELD);
    let mut mixed = Array::new(comptime!(GROUP * slices(width)));
    #[unroll]
    for index in 0..comptime!(GROUP * slices(width)) {
        mixed[index] = 0.0f32;
    }
    let mut start = 0usize.runtime();
    while start < keys {
        multiply(&tile, v, v_bias, &place.other, start, &mut slice, &mut held, width, true);
        #[unroll]
        for own in 0..PAIR {
            #[unroll]
            for word in 0..4usize {
                let key = start + block + 16 * word;
                let mut weight = 0.0f32;
                if key < keys && pair() + own < place.own.count {
                    let at = row + own * keys + key;
                    let signed = p[at];
                    weight = f32::abs(signed) * (held[4 * own + word] * factor_of(signed, kept) - alongs[own]);
                    s[at] = weight;
                }
                weights[(pair() + own) * ROW + block + 16 * word] = weight;
            }
        }
        mix(&weights, k, k_bias, &place.other, start, &mut slice, &mut mixed, width, true);
        start += CHUNK;
    }
    store(&mixed, scale, &place.own, of_query, width);
    store_column_sums(&mixed, scale, &place.own, parts, &mut slice, width);
}

/// Computes dK = dSᵀ (Q + q) · scale and dV = dropout(P)ᵀ dO.
#[cube(launch)]
pub fn attend_backward_keys<E: Float>(
    gradient: &Tensor<f32>,
    q: &Tensor<f32>,
    q_bias: &Tensor<f32>,
    tiles: &Tensor<u32>,
    places: &Tensor<u32>,
    p: &Tensor<f32>,
    s: &Tensor<f32>,
    of_key: &mut Tensor<E>,
    of_value: &mut Tensor<E>,
    key_parts: &mut Tensor<f32>,
    value_parts: &mut Tensor<f32>,
    kept: f32,
    d: usize,
    scale: f32,
    #[comptime] width: usize,
) {
    let place = tile_place(tiles, places, d, width, true);
    let queries = place.other.count;
    let keys = places[place.own.first * FIELDS + 1] as usize;
    let mut slice = Shared::new_slice(SLICED);
    let mut of_p = Shared::new_slice(comptime!(TILE * ROW));
    let mut of_s = Shared::new_slice(comptime!(TILE * ROW));
    let mut keys_sums = Array::new(comptime!(GROUP * slices(width)));
    let mut value_sums = Array::new(comptime!(GROUP * slices(width)));
    #[unroll]
    for index in 0..comptime!(GROUP * slices(width)) {
        keys_sums[index] = 0.0f32;
        value_sums[index] = 0.0f32;
    }
    let mut start = 0usize.runtime();
    while start < queries {
        sync_cube();
        #[unroll]
        for round in 0..TILE * CHUNK / UNITS {
            let key = UNIT_POS_X as usize % TILE;
            let query = round * (UNITS / TILE) + UNIT_POS_X as usize / TILE;
            let mut kept_p = 0.0f32;
            let mut along = 0.0f32;
            if start + query < queries && key < place.own.count {
                let at = place.start + (start + query) * keys + place.number + key;
                kept_p = f32::abs(p[at]) * factor_of(p[at], kept);
                along = s[at];
            }
            of_p[key * ROW + query] = kept_p;
            of_s[key * ROW + query] = along;
        }
        mix(&of_p, gradient, q_bias, &place.other, start, &mut slice, &mut value_sums, width, false);
        mix(&of_s, q, q_bias, &place.other, start, &mut slice, &mut keys_sums, width, true);
        start += CHUNK;
    }
    store(&value_sums, 1.0f32, &place.own, of_value, width);
    store_column_sums(&value_sums, 1.0f32, &place.own, value_parts, &mut slice, width);
    store(&keys_sums, scale, &place.own, of_key, width);
    store_column_sums(&keys_sums, scale, &place.own, key_parts, &mut slice, width);
}
