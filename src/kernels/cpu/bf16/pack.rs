//! Packing: a factor's rows, rounded, in the order in which tiles read them.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::super::matrix::Matrix;
use super::super::simd::vectorized;
use super::buffer;

/// A block of a matrix in panels of `width` rows, the last one filled up with zeros: `[panels, pairs, width]`, where a number holds two
/// neighbours of a row, the first one in its lower half.
pub struct Packed {
    values: Vec<MaybeUninit<u32>>,
    rows: usize,
    width: usize,
    pairs: usize,
}

impl Packed {
    pub fn panels(&self) -> usize {
        self.rows.div_ceil(self.width)
    }

    /// Returns a panel: `[pairs, width]`.
    pub fn panel(&self, index: usize) -> &[u32] {
        let panel = &self.values[index * self.pairs * self.width..(index + 1) * self.pairs * self.width];
        // SAFETY: `pack` has written every number of every panel.
        #[allow(unsafe_code)]
        unsafe {
            panel.assume_init_ref()
        }
    }

    /// Returns the number of rows in a panel.
    pub fn used(&self, panel: usize) -> usize {
        self.width.min(self.rows - panel * self.width)
    }
}

/// Packs some columns of all rows.
pub fn pack(matrix: Matrix<'_>, columns: Range<usize>, width: usize) -> Packed {
    let pairs = columns.len().div_ceil(2);
    let mut values = buffer(matrix.rows.div_ceil(width) * pairs * width);
    values.par_chunks_exact_mut(pairs * width).enumerate().for_each(|(panel, out)| {
        let rows = panel * width..matrix.rows.min((panel + 1) * width);
        if matrix.column_stride == 1 {
            pack_rows(matrix, rows, columns.clone(), width, out);
        } else {
            pack_columns(matrix, rows, columns.clone(), width, out);
        }
    });
    Packed { values, rows: matrix.rows, width, pairs }
}

/// Rounds to the nearest bf16, ties to even, and returns its bits.
#[inline(always)]
#[allow(clippy::inline_always)]
fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    let nearest = (bits.wrapping_add(0x7fff + (bits >> 16 & 1))) >> 16;
    // Rounding must not turn what is not a number into infinity.
    if value.is_nan() { bits >> 16 | 0x40 } else { nearest }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn pair(first: f32, second: f32) -> u32 {
    round(first) | round(second) << 16
}

/// Pairs that are rounded before they are transposed.
const PAIRS: usize = 16;

vectorized! {
    /// Packs a panel of rows whose columns are neighbours.
    fn pack_rows(matrix: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, width: usize, out: &mut [MaybeUninit<u32>]) {
        let pairs = columns.len().div_ceil(2);
        if rows.len() < width {
            out.fill(MaybeUninit::new(0));
        }
        for (at, row) in rows.enumerate() {
            let start = row * matrix.row_stride.cast_unsigned();
            let row = &matrix.data[start + columns.start..start + columns.end];
            let mut whole = row.chunks_exact(2 * PAIRS);
            let mut first = 0;
            for part in &mut whole {
                let mut rounded = [0; PAIRS];
                for (rounded, values) in rounded.iter_mut().zip(part.chunks_exact(2)) {
                    *rounded = pair(values[0], values[1]);
                }
                for (index, rounded) in rounded.into_iter().enumerate() {
                    out[(first + index) * width + at] = MaybeUninit::new(rounded);
                }
                first += PAIRS;
            }
            for (index, values) in (first..pairs).zip(whole.remainder().chunks(2)) {
                out[index * width + at] = MaybeUninit::new(pair(values[0], values.get(1).copied().unwrap_or(0.0)));
            }
        }
    }
}

vectorized! {
    /// Packs a panel of rows that are neighbours in every column.
    fn pack_columns(matrix: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, width: usize, out: &mut [MaybeUninit<u32>]) {
        let stride = matrix.column_stride.cast_unsigned();
        let part = |column: usize| &matrix.data[column * stride + rows.start..column * stride + rows.end];
        for (out, first) in out.chunks_exact_mut(width).zip(columns.clone().step_by(2)) {
            let (used, filling) = out.split_at_mut(rows.len());
            if first + 1 < columns.end {
                for ((out, a), b) in used.iter_mut().zip(part(first)).zip(part(first + 1)) {
                    *out = MaybeUninit::new(pair(*a, *b));
                }
            } else {
                for (out, a) in used.iter_mut().zip(part(first)) {
                    *out = MaybeUninit::new(pair(*a, 0.0));
                }
            }
            filling.fill(MaybeUninit::new(0));
        }
    }
}
