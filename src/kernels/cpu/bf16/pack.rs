//! Packing: a factor's rows, rounded, in the order in which tiles read them.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::super::matrix::Matrix;
use super::super::simd::vectorized;
use super::buffer;

/// The order of the pairs of numbers in a panel. A pair holds two neighbours of a row, the first one in its lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelOrder {
    /// `[pairs, width]`.
    ByPair,
    /// `[pairs, width]`, where pairs are filled up with zeros to a multiple of [`PAIRS`].
    WholeBlocksByPair,
    /// `[blocks, width, PAIRS]`, the last block filled up with zeros.
    Blocks,
}

impl PanelOrder {
    /// Returns the number of pairs of a row, with zeros.
    fn pairs(self, columns: usize) -> usize {
        let pairs = columns.div_ceil(2);
        match self {
            Self::ByPair => pairs,
            Self::WholeBlocksByPair | Self::Blocks => pairs.next_multiple_of(PAIRS),
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

/// Pairs that are rounded before they are transposed, and of a row in a block.
const PAIRS: usize = 16;

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
        for (at, row) in rows.enumerate() {
            let mut whole = row_of(matrix, row, &columns).chunks_exact(2 * PAIRS);
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
            for (index, values) in (first..).zip(whole.remainder().chunks(2)) {
                out[index * width + at] = MaybeUninit::new(pair(values[0], values.get(1).copied().unwrap_or(0.0)));
            }
        }
    }
}

vectorized! {
    /// Packs a panel of rows whose columns are neighbours, by block.
    fn pack_rows_by_block(matrix: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, width: usize, out: &mut [MaybeUninit<u32>]) {
        for (at, row) in rows.enumerate() {
            let whole = row_of(matrix, row, &columns).chunks_exact(2 * PAIRS);
            let (blocks, rest) = (whole.len(), whole.remainder());
            for (block, values) in whole.enumerate() {
                let out = &mut out[(block * width + at) * PAIRS..][..PAIRS];
                for (out, values) in out.iter_mut().zip(values.chunks_exact(2)) {
                    *out = MaybeUninit::new(pair(values[0], values[1]));
                }
            }
            for (index, values) in rest.chunks(2).enumerate() {
                let value = pair(values[0], values.get(1).copied().unwrap_or(0.0));
                out[(blocks * width + at) * PAIRS + index] = MaybeUninit::new(value);
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
        for (index, first) in columns.clone().step_by(2).enumerate() {
            let (a, b) = columns_of(matrix, &rows, first, columns.end);
            for (row, a) in a.iter().enumerate() {
                let b = b.map_or(0.0, |b| b[row]);
                out[(index / PAIRS * width + row) * PAIRS + index % PAIRS] = MaybeUninit::new(pair(*a, b));
            }
        }
    }
}
