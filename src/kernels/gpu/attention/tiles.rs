//! Products within a tile: up to [`TILE`] rows of one example and head, and the example's other rows piece by piece.
//!
//! A cube of [`UNITS`] works on one tile. What it multiplies lies in shared memory, [`SLICE`] columns of [`CHUNK`] rows at a
//! time, so that each number is read from far away once for all rows of the tile.

use cubecl::prelude::*;

/// Rows of a tile.
pub const TILE: usize = 16;
/// Rows that a tile is multiplied with at a time: as many as 16 blocks of dropout are for.
pub const CHUNK: usize = 64;
/// Columns of them at a time.
pub const SLICE: usize = 32;
/// Units of a cube.
pub const UNITS: usize = 128;
/// Where the next row of a slice begins, and of a tile's products with a chunk: one further than 32 banks divide.
const STRIDE: usize = SLICE + 1;
/// The same for a row of products.
pub const ROW: usize = CHUNK + 1;
/// Numbers of a slice.
pub const SLICED: usize = CHUNK * STRIDE;
/// Rows of a tile that a unit multiplies with four of a chunk,
pub const PAIR: usize = 2;
/// and columns' groups of rows that it adds up.
pub const GROUP: usize = TILE * SLICE / UNITS;
/// Products that a unit holds of a tile and a chunk.
pub const HELD: usize = PAIR * 4;

/// Where the next row of a tile begins in shared memory.
pub fn stride(width: usize) -> usize {
    width.next_multiple_of(SLICE) + 1
}

/// Slices of a head's columns.
pub fn slices(width: usize) -> usize {
    width.div_ceil(SLICE)
}

/// Rows of one head of a matrix.
#[derive(CubeType, Clone, Copy)]
#[expand(derive(Clone))]
pub struct Span {
    /// The first,
    pub first: usize,
    /// how many,
    pub count: usize,
    /// how long the matrix' rows are,
    pub d: usize,
    /// and where the head begins in them.
    pub column: usize,
}

/// (x + bias) · scale of the rows of a tile, and zeros beside and below them.
#[cube]
pub fn load_tile(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    span: &Span,
    scale: f32,
    tile: &mut Shared<[f32]>,
    #[comptime] width: usize,
    #[comptime] biased: bool,
) {
    let padded = comptime!(slices(width) * SLICE);
    let next = comptime!(stride(width));
    let mut at = UNIT_POS_X as usize;
    while at < TILE * padded {
        let row = at / padded;
        let column = at % padded;
        let mut value = 0.0f32;
        if row < span.count && column < width {
            value = x[(span.first + row) * span.d + span.column + column];
            if biased {
                value += bias[span.column + column];
            }
        }
        tile[row * next + column] = value * scale;
        at += UNITS;
    }
}

/// x + bias of a slice of a chunk of the span's rows, from row `start`, and zeros beside and below them.
#[cube]
fn load_slice(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    span: &Span,
    start: usize,
    slice: &mut Shared<[f32]>,
    #[comptime] from: usize,
    #[comptime] width: usize,
    #[comptime] biased: bool,
) {
    let column = UNIT_POS_X as usize % SLICE;
    let own = span.column + from + column;
    let mut added = 0.0f32;
    if biased && from + column < width {
        added = bias[own];
    }
    #[unroll]
    for round in 0..CHUNK * SLICE / UNITS {
        let row = round * (UNITS / SLICE) + UNIT_POS_X as usize / SLICE;
        let mut value = 0.0f32;
        if start + row < span.count && from + column < width {
            value = x[(span.first + start + row) * span.d + own] + added;
        }
        slice[row * STRIDE + column] = value;
    }
}

/// The products of a tile's rows with a chunk of the span's, x + bias. A unit holds those of [`PAIR`] rows, from
/// [`pair`], with the four that a block of dropout is for: `held[4 * row + word]`.
#[cube]
pub fn multiply(
    tile: &Shared<[f32]>,
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    span: &Span,
    start: usize,
    slice: &mut Shared<[f32]>,
    held: &mut Array<f32>,
    #[comptime] width: usize,
) {
    let next = comptime!(stride(width));
    let block = UNIT_POS_X as usize % 16;
    let row = pair() * next;
    #[unroll]
    for index in 0..HELD {
        held[index] = 0.0f32;
    }
    #[unroll]
    for number in 0..comptime!(slices(width)) {
        sync_cube();
        load_slice(x, bias, span, start, slice, comptime!(number * SLICE), width, true);
        sync_cube();
        for at in 0..SLICE {
            let first = tile[row + comptime!(number * SLICE) + at];
            let second = tile[row + next + comptime!(number * SLICE) + at];
            #[unroll]
            for word in 0..4usize {
                let other = slice[(block + 16 * word) * STRIDE + at];
                held[word] += first * other;
                held[4 + word] += second * other;
            }
        }
    }
}

/// The first of the rows whose products a unit holds.
#[cube]
pub fn pair() -> usize {
    UNIT_POS_X as usize / 16 * PAIR
}

/// The first of the rows whose sums a unit holds.
#[cube]
pub fn group() -> usize {
    UNIT_POS_X as usize / SLICE * GROUP
}

/// Adds to each of a tile's rows a chunk of the span's, x + bias, times the row's weights. A unit holds one column of each
/// slice of [`GROUP`] rows, from [`group`]: `sums[slice * GROUP + row]`.
#[cube]
pub fn mix(
    weights: &Shared<[f32]>,
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    span: &Span,
    start: usize,
    slice: &mut Shared<[f32]>,
    sums: &mut Array<f32>,
    #[comptime] width: usize,
    #[comptime] biased: bool,
) {
    let column = UNIT_POS_X as usize % SLICE;
    let own = group() * ROW;
    let mut end = span.count - start;
    if end > CHUNK {
        end = CHUNK.runtime();
    }
    #[unroll]
    for number in 0..comptime!(slices(width)) {
        sync_cube();
        load_slice(x, bias, span, start, slice, comptime!(number * SLICE), width, biased);
        sync_cube();
        for other in 0..end {
            let value = slice[other * STRIDE + column];
            #[unroll]
            for row in 0..GROUP {
                sums[comptime!(number * GROUP) + row] += weights[own + row * ROW + other] * value;
            }
        }
    }
}

/// Writes a tile's sums times `scale`.
#[cube]
pub fn store<E: Float>(sums: &Array<f32>, scale: f32, span: &Span, out: &mut Tensor<E>, #[comptime] width: usize) {
    #[unroll]
    for number in 0..comptime!(slices(width)) {
        let own = comptime!(number * SLICE) + UNIT_POS_X as usize % SLICE;
        #[unroll]
        for row in 0..GROUP {
            if group() + row < span.count && own < width {
                let value = sums[comptime!(number * GROUP) + row] * scale;
                out[(span.first + group() + row) * span.d + span.column + own] = E::cast_from(value);
            }
        }
    }
}

/// Writes the sum of each column of what is [stored](store) of a tile: a row of `parts` for each tile.
#[cube]
pub fn store_column_sums(
    sums: &Array<f32>,
    scale: f32,
    span: &Span,
    parts: &mut Tensor<f32>,
    slice: &mut Shared<[f32]>,
    #[comptime] width: usize,
) {
    let column = UNIT_POS_X as usize % SLICE;
    #[unroll]
    for number in 0..comptime!(slices(width)) {
        let own = comptime!(number * SLICE) + column;
        let mut sum = 0.0f32;
        #[unroll]
        for row in 0..GROUP {
            if group() + row < span.count {
                sum += sums[comptime!(number * GROUP) + row] * scale;
            }
        }
        sync_cube();
        slice[UNIT_POS_X as usize] = sum;
        sync_cube();
        if UNIT_POS_X < SLICE as u32 && own < width {
            let mut all = 0.0f32;
            #[unroll]
            for other in 0..UNITS / SLICE {
                all += slice[other * SLICE + column];
            }
            parts[CUBE_POS_X as usize * span.d + span.column + own] = all;
        }
    }
}
