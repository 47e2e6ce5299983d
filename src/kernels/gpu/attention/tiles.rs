//! Products within a tile: up to [`TILE`] rows of one example and head, with the example's other rows in chunks.
//!
//! A cube of [`UNITS`] processes one tile. The operands are staged in shared memory, [`SLICE`] columns of [`CHUNK`] rows at a
//! time, so that each number is read from global memory once for all rows of the tile.

use cubecl::prelude::*;

/// Rows of a tile.
pub const TILE: usize = 16;
/// Rows that a tile is multiplied by at a time: the elements of 16 dropout blocks.
pub const CHUNK: usize = 64;
/// Columns per slice of a chunk.
pub const SLICE: usize = 32;
/// Units of a cube.
pub const UNITS: usize = 128;
/// Row stride of a slice, padded by one to avoid shared-memory bank conflicts.
const STRIDE: usize = SLICE + 1;
/// Row stride of a tile's products with a chunk, padded likewise.
pub const ROW: usize = CHUNK + 1;
/// Size of a slice.
pub const SLICED: usize = CHUNK * STRIDE;
/// Tile rows per unit in `multiply`, each with four rows of the chunk.
pub const PAIR: usize = 2;
/// Tile rows per unit in `mix`, for each of its columns.
pub const GROUP: usize = TILE * SLICE / UNITS;
/// Products of a tile and a chunk that a unit holds.
pub const HELD: usize = PAIR * 4;

/// Returns the row stride of a tile in shared memory.
pub fn stride(width: usize) -> usize {
    width.next_multiple_of(SLICE) + 1
}

/// Returns the number of slices of a head's columns.
pub fn slices(width: usize) -> usize {
    width.div_ceil(SLICE)
}

/// Rows of one head of a matrix.
#[derive(CubeType, Clone, Copy)]
#[expand(derive(Clone))]
pub struct Span {
    /// First row.
    pub first: usize,
    /// Number of rows.
    pub count: usize,
    /// Row length of the matrix.
    pub d: usize,
    /// First column of the head.
    pub column: usize,
}

/// Loads (x + bias) · scale of a tile's rows, zero-padded in both dimensions.
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

/// Loads x + bias of one slice of the chunk from row `start` of the span, zero-padded in both dimensions.
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

/// Multiplies a tile's rows by a chunk of the span's, x or x + bias. A unit holds the products of [`PAIR`] rows, from [`pair`],
/// with the four rows of one dropout block: `held[4 * row + word]`.
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
    #[comptime] biased: bool,
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
        load_slice(x, bias, span, start, slice, comptime!(number * SLICE), width, biased);
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

/// Returns the first of the tile rows whose products a unit holds.
#[cube]
pub fn pair() -> usize {
    UNIT_POS_X as usize / 16 * PAIR
}

/// Returns the first of the tile rows whose sums a unit holds.
#[cube]
pub fn group() -> usize {
    UNIT_POS_X as usize / SLICE * GROUP
}

/// Adds to each of a tile's rows a chunk of the span's, x + bias, weighted by the row's weights. A unit holds one column of
/// each slice for [`GROUP`] rows, from [`group`]: `sums[slice * GROUP + row]`.
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

/// Sets a tile's sums to 0.
#[cube]
pub fn clear(sums: &mut Array<f32>, #[comptime] width: usize) {
    #[unroll]
    for index in 0..comptime!(GROUP * slices(width)) {
        sums[index] = 0.0f32;
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

/// Writes the column sums of what [`store`] writes for a tile: one row of `parts` per tile.
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
