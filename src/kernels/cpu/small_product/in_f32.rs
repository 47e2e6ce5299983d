//! Products in f32. To be inlined into a [vectorized](super::super::simd::vectorized) function.

use super::super::products::count;
use super::{Factor, HALF, LANES, ROWS, SmallProduct, tile_rows};

/// Arithmetic in f32.
#[derive(Debug, Default)]
pub struct InF32 {
    /// The transpose of a factor on the right.
    right: Vec<f32>,
    products: usize,
}

impl Drop for InF32 {
    fn drop(&mut self) {
        count(self.products, false);
    }
}

impl SmallProduct for InF32 {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn multiply(&mut self, a: Factor<'_>, b: Factor<'_>, c: &mut [f32], [m, n, k]: [usize; 3]) {
        self.products += 1;
        let right = if b.is_transposed {
            self.right.resize(self.right.len().max(k * n), 0.0);
            transpose(b, &mut self.right, [n, k]);
            &self.right
        } else {
            b.values
        };
        let mut row = 0;
        while row < m {
            let rows = tile_rows(m - row);
            match rows {
                ROWS => tile::<ROWS>(a, right, c, (row, [n, k])),
                HALF => tile::<HALF>(a, right, c, (row, [n, k])),
                _ => tile::<1>(a, right, c, (row, [n, k])),
            }
            row += rows;
        }
    }
}

/// Computes R rows of c.
#[inline(always)]
#[allow(clippy::inline_always)]
fn tile<const R: usize>(a: Factor<'_>, b: &[f32], c: &mut [f32], (row, size): (usize, [usize; 2])) {
    let c = &mut c[row * size[0]..];
    if a.is_transposed { rows::<R, true>(a, row, b, c, size) } else { rows::<R, false>(a, row, b, c, size) }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn rows<const R: usize, const TRANSPOSED: bool>(a: Factor<'_>, row: usize, b: &[f32], c: &mut [f32], [n, k]: [usize; 2]) {
    let mut rows_of_a: [&[f32]; R] = [&[]; R];
    if !TRANSPOSED {
        for (of, row_of_a) in rows_of_a.iter_mut().enumerate() {
            *row_of_a = &a.values[(row + of) * a.stride..][..k];
        }
    }
    for column in (0..n).step_by(LANES) {
        let mut sums = [[0.0_f32; LANES]; R];
        for (step, b) in b.chunks_exact(n).take(k).enumerate() {
            let b = &b[column..][..LANES];
            let column_of_a = if TRANSPOSED { &a.values[step * a.stride + row..][..R] } else { &[] };
            for (of, sums) in sums.iter_mut().enumerate() {
                let a = if TRANSPOSED { column_of_a[of] } else { rows_of_a[of][step] };
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum += a * b;
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            c[row * n + column..][..LANES].copy_from_slice(sums);
        }
    }
}

/// Writes the transpose of what a transposed factor holds to `[k, n]`, with zeros in columns that it does not have.
#[inline(always)]
#[allow(clippy::inline_always)]
fn transpose(from: Factor<'_>, to: &mut [f32], [n, k]: [usize; 2]) {
    let rows = from.values.len() / from.stride;
    for (column, to) in to.chunks_exact_mut(n).take(k).enumerate() {
        for (row, to) in to.iter_mut().take(rows).enumerate() {
            *to = from.values[row * from.stride + column];
        }
        to[rows..].fill(0.0);
    }
}
