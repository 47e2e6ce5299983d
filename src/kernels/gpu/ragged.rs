//! Kernels over ragged matrices: a row of numbers for each head and query, as long as the query's example. One cube works
//! on one row of one head; [`super::attention`] says where it stands.

use cubecl::prelude::*;

use super::philox::{Mask, element, factors};
use super::reduce::{cube_max, cube_sum};
use super::tables::FIELDS;

/// Where a query's row of a head begins.
#[cube]
fn row_of(places: &Tensor<u32>, place: usize, head: usize) -> usize {
    let queries = places[place + 2] as usize;
    let heads = CUBE_COUNT_Y as usize;
    places[place + 3] as usize * heads + (head * queries + places[place + 4] as usize) * places[place + 1] as usize
}

/// S = (A + a)(B + b)ᵀ · scale, for rows of queries A and rows of keys B.
#[cube(launch)]
pub fn scores(
    a: &Tensor<f32>,
    a_bias: &Tensor<f32>,
    b: &Tensor<f32>,
    b_bias: &Tensor<f32>,
    places: &Tensor<u32>,
    s: &mut Tensor<f32>,
    d: usize,
    scale: f32,
    #[comptime] width: usize,
    #[comptime] biased: bool,
    #[comptime] units: u32,
) {
    let query = CUBE_POS_X as usize;
    let head = CUBE_POS_Y as usize;
    let place = query * FIELDS;
    let first = places[place] as usize;
    let keys = places[place + 1] as usize;
    let own = row_of(places, place, head);
    let mut row = Shared::new_slice(width);
    let mut at = UNIT_POS_X as usize;
    while at < width {
        let mut value = a[query * d + head * width + at];
        if biased {
            value += a_bias[head * width + at];
        }
        row[at] = value * scale;
        at += units as usize;
    }
    sync_cube();
    let mut key = UNIT_POS_X as usize;
    while key < keys {
        let start = (first + key) * d + head * width;
        let mut sum = 0.0f32;
        for at in 0..width {
            sum += row[at] * (b[start + at] + b_bias[head * width + at]);
        }
        s[own + key] = sum;
        key += units as usize;
    }
}

/// P = softmax(S) in place, and dropout(P) beside it.
#[cube(launch)]
pub fn soften(
    s: &mut Tensor<f32>,
    dropped: &mut Tensor<f32>,
    places: &Tensor<u32>,
    turn: &Tensor<u32>,
    mask: Mask,
    heads: u32,
    row_blocks: u32,
    #[comptime] drops: bool,
    #[comptime] units: u32,
) {
    let place = CUBE_POS_X as usize * FIELDS;
    let head = CUBE_POS_Y;
    let keys = places[place + 1] as usize;
    let own = row_of(places, place, head as usize);
    let mut shared = Shared::new_slice(units as usize);
    // Each unit reads and writes the same numbers throughout, so that no unit waits for another's.
    let blocks = ((keys as u32 + 63) / 64) * 16;
    let mut largest = f32::min_value();
    let mut block = UNIT_POS_X;
    while block < blocks {
        #[unroll]
        for word in 0..4usize {
            let key = element(block, word);
            if key < keys {
                if s[own + key] > largest {
                    largest = s[own + key];
                }
            }
        }
        block += units;
    }
    let largest = cube_max(largest, &mut shared, units);
    let mut sum = 0.0f32;
    let mut block = UNIT_POS_X;
    while block < blocks {
        #[unroll]
        for word in 0..4usize {
            let key = element(block, word);
            if key < keys {
                let power = f32::exp(s[own + key] - largest);
                s[own + key] = power;
                sum += power;
            }
        }
        block += units;
    }
    let inverse = 1.0f32 / cube_sum(sum, &mut shared, units);
    let row = places[place + 5] * heads + head;
    let mut factor = Array::new(4usize);
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops {
            factors(&mask, turn, row, row_blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let key = element(block, word);
            if key < keys {
                let p = s[own + key] * inverse;
                s[own + key] = p;
                if drops {
                    dropped[own + key] = p * factor[word];
                }
            }
        }
        block += units;
    }
}

/// dS = P ∘ (dP - rowsum(P ∘ dP)) in place of dO Vᵀ, dP = (dO Vᵀ) ∘ D.
#[cube(launch)]
pub fn soften_backward(
    s: &mut Tensor<f32>,
    p: &Tensor<f32>,
    places: &Tensor<u32>,
    turn: &Tensor<u32>,
    mask: Mask,
    heads: u32,
    row_blocks: u32,
    #[comptime] drops: bool,
    #[comptime] units: u32,
) {
    let place = CUBE_POS_X as usize * FIELDS;
    let head = CUBE_POS_Y;
    let keys = places[place + 1] as usize;
    let own = row_of(places, place, head as usize);
    let mut shared = Shared::new_slice(units as usize);
    let row = places[place + 5] * heads + head;
    let mut factor = Array::new(4usize);
    let blocks = ((keys as u32 + 63) / 64) * 16;
    let mut sum = 0.0f32;
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops {
            factors(&mask, turn, row, row_blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let key = element(block, word);
            if key < keys {
                let mut of_p = s[own + key];
                if drops {
                    of_p *= factor[word];
                    s[own + key] = of_p;
                }
                sum += of_p * p[own + key];
            }
        }
        block += units;
    }
    let along = cube_sum(sum, &mut shared, units);
    let mut block = UNIT_POS_X;
    while block < blocks {
        #[unroll]
        for word in 0..4usize {
            let key = element(block, word);
            if key < keys {
                s[own + key] = p[own + key] * (s[own + key] - along);
            }
        }
        block += units;
    }
}

/// W (X + bias) · scale for each query's row of W, or Wᵀ (X + bias) · scale for each key's column.
#[cube(launch)]
pub fn mix(
    w: &Tensor<f32>,
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    places: &Tensor<u32>,
    out: &mut Tensor<f32>,
    d: usize,
    scale: f32,
    #[comptime] width: usize,
    #[comptime] turned: bool,
    #[comptime] biased: bool,
    #[comptime] units: u32,
) {
    let own = CUBE_POS_X as usize;
    let head = CUBE_POS_Y as usize;
    let place = own * FIELDS;
    let first = places[place] as usize;
    let keys = places[place + 1] as usize;
    let queries = places[place + 2] as usize;
    let number = places[place + 4] as usize;
    let start = places[place + 3] as usize * CUBE_COUNT_Y as usize + head * queries * keys;
    let mut count = keys;
    let mut from = start + number * keys;
    let mut step = 1usize;
    if turned {
        count = queries;
        from = start + number;
        step = keys;
    }
    let mut at = UNIT_POS_X as usize;
    while at < width {
        let column = head * width + at;
        let mut sum = 0.0f32;
        for other in 0..count {
            let mut value = x[(first + other) * d + column];
            if biased {
                value += bias[column];
            }
            sum += w[from + other * step] * value;
        }
        out[own * d + column] = sum * scale;
        at += units as usize;
    }
}
