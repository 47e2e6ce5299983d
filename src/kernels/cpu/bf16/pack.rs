//! Packing: a factor's rows, rounded, in the order in which tiles read them.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::super::matrix::Matrix;
use super::super::simd::vectorized;
use super::buffer;
use super::square::{SIDE, transposed};

/// The order of the pairs of numbers in a panel. A pair holds two neighbours of a row, the first one in its lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelOrder {
    /// `[pairs, width]`.
    ByPair,
    /// `[pairs, width]`, where pairs are filled up with zeros to a multiple of [`SIDE`].
    WholeBlocksByPair,
    /// `[blocks, width, SIDE]`, the last block filled up with zeros.
    Blocks,
}

impl PanelOrder {
    /// Returns the number of pairs of a row, with zeros.
    fn pairs(self, columns: usize) -> usize {
        let pairs = columns.div_ceil(2);
        match self {
            Self::ByPair => pairs,
            Self::WholeBlocksByPair | Self::Blocks => pairs.next_multiple_of(SIDE),
        }
    }
}

/// A block of a matrix in panels of `width` rows, the last one filled up with zeros.
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

    /// Returns a panel.
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
pub fn pack(matrix: Matrix<'_>, columns: Range<usize>, width: usize, order: PanelOrder) -> Packed {
    let pairs = order.pairs(columns.len());
    let mut values = buffer(matrix.rows.div_ceil(width) * pairs * width);
    values.par_chunks_exact_mut(pairs * width).enumerate().for_each(|(panel, out)| {
        let rows = panel * width..matrix.rows.min((panel + 1) * width);
        if rows.len() < width || pairs > columns.len().div_ceil(2) {
            out.fill(MaybeUninit::new(0));
        }
        match (matrix.column_stride == 1, order) {
            (true, PanelOrder::Blocks) => pack_rows_by_block(matrix, rows, columns.clone(), width, out),
            (true, PanelOrder::ByPair | PanelOrder::WholeBlocksByPair) => pack_rows(matrix, rows, columns.clone(), width, out),
            (false, PanelOrder::Blocks) => pack_columns_by_block(matrix, rows, columns.clone(), width, out),
            (false, PanelOrder::ByPair | PanelOrder::WholeBlocksByPair) => {
                pack_columns(matrix, rows, columns.clone(), width, out);
            }
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

/// Returns two numbers in bf16, the first in the lower half.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn pair(first: f32, second: f32) -> u32 {
    round(first) | round(second) << 16
}

/// Writes the pairs of up to 32 numbers. The second of the last one is zero if there is none.
#[inline(always)]
#[allow(clippy::inline_always)]
fn round_pairs(values: &[f32], to: &mut [u32; SIDE]) {
    if let Some(values) = values.first_chunk::<{ 2 * SIDE }>() {
        for (to, [first, second]) in to.iter_mut().zip(values.as_chunks::<2>().0) {
            *to = pair(*first, *second);
        }
    } else {
        for (to, values) in to.iter_mut().zip(values.chunks(2)) {
            *to = pair(values[0], values.get(1).copied().unwrap_or(0.0));
        }
    }
}

/// Returns some of a row's columns.
#[inline(always)]
#[allow(clippy::inline_always)]
fn row_of<'a>(matrix: Matrix<'a>, row: usize, columns: &Range<usize>) -> &'a [f32] {
    let start = row * matrix.row_stride.cast_unsigned();
    &matrix.data[start + columns.start..start + columns.end]
}

vectorized! {
    /// Packs a panel of rows whose columns are neighbours, by pair.
    fn pack_rows(matrix: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, width: usize, out: &mut [MaybeUninit<u32>]) {
        for (part, start) in rows.clone().step_by(SIDE).enumerate() {
            let own = start..rows.end.min(start + SIDE);
            for (first, out) in columns.clone().step_by(2 * SIDE).zip(out.chunks_mut(width * SIDE)) {
                let mut rounded = [[0; SIDE]; SIDE];
                for (rounded, row) in rounded.iter_mut().zip(own.clone()) {
                    round_pairs(row_of(matrix, row, &(first..columns.end.min(first + 2 * SIDE))), rounded);
                }
                for (out, pairs) in out.chunks_exact_mut(width).zip(&transposed(&rounded)) {
                    for (out, pair) in out[part * SIDE..].iter_mut().zip(pairs) {
                        *out = MaybeUninit::new(*pair);
                    }
                }
            }
        }
    }
}

vectorized! {
    /// Packs a panel of rows whose columns are neighbours, by block.
    fn pack_rows_by_block(matrix: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, width: usize, out: &mut [MaybeUninit<u32>]) {
        for (first, out) in columns.clone().step_by(2 * SIDE).zip(out.chunks_exact_mut(width * SIDE)) {
            for (row, out) in rows.clone().zip(out.chunks_exact_mut(SIDE)) {
                let mut rounded = [0; SIDE];
                round_pairs(row_of(matrix, row, &(first..columns.end.min(first + 2 * SIDE))), &mut rounded);
                for (out, pair) in out.iter_mut().zip(rounded) {
                    *out = MaybeUninit::new(pair);
                }
            }
        }
    }
}

/// Returns some rows of two neighbouring columns. The second is zero beyond the last column.
#[inline(always)]
#[allow(clippy::inline_always)]
fn columns_of<'a>(matrix: Matrix<'a>, rows: &Range<usize>, first: usize, end: usize) -> (&'a [f32], Option<&'a [f32]>) {
    let stride = matrix.column_stride.cast_unsigned();
    let part = |column: usize| &matrix.data[column * stride + rows.start..column * stride + rows.end];
    (part(first), (first + 1 < end).then(|| part(first + 1)))
}

vectorized! {
    /// Packs a panel of rows that are neighbours in every column, by pair.
    fn pack_columns(matrix: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, width: usize, out: &mut [MaybeUninit<u32>]) {
        for (out, first) in out.chunks_exact_mut(width).zip(columns.clone().step_by(2)) {
            match columns_of(matrix, &rows, first, columns.end) {
                (a, Some(b)) => {
                    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                        *out = MaybeUninit::new(pair(*a, *b));
                    }
                }
                (a, None) => {
                    for (out, a) in out.iter_mut().zip(a) {
                        *out = MaybeUninit::new(pair(*a, 0.0));
                    }
                }
            }
        }
    }
}

vectorized! {
    /// Packs a panel of rows that are neighbours in every column, by block.
    fn pack_columns_by_block(matrix: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, width: usize, out: &mut [MaybeUninit<u32>]) {
        for (first, out) in columns.clone().step_by(2 * SIDE).zip(out.chunks_exact_mut(width * SIDE)) {
            for (start, out) in rows.clone().step_by(SIDE).zip(out.chunks_mut(SIDE * SIDE)) {
                let own = start..rows.end.min(start + SIDE);
                let mut rounded = [[0; SIDE]; SIDE];
                for (rounded, column) in rounded.iter_mut().zip((first..columns.end).step_by(2)) {
                    let (a, b) = columns_of(matrix, &own, column, columns.end);
                    match (a.first_chunk::<SIDE>(), b.map(|b| b.first_chunk::<SIDE>())) {
                        (Some(a), Some(Some(b))) => {
                            for (rounded, (a, b)) in rounded.iter_mut().zip(a.iter().zip(b)) {
                                *rounded = pair(*a, *b);
                            }
                        }
                        _ => {
                            for (row, (rounded, a)) in rounded.iter_mut().zip(a).enumerate() {
                                *rounded = pair(*a, b.map_or(0.0, |b| b[row]));
                            }
                        }
                    }
                }
                for (out, pairs) in out.as_chunks_mut::<SIDE>().0.iter_mut().zip(&transposed(&rounded)) {
                    for (out, pair) in out.iter_mut().zip(pairs) {
                        *out = MaybeUninit::new(*pair);
                    }
                }
            }
        }
    }
}
