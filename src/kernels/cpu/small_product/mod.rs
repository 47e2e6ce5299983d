//! Products of small matrices that stay in the cache, on one thread.

mod in_bf16;
mod in_f32;

pub use self::in_bf16::InBf16;
pub use self::in_f32::InF32;

/// Columns computed together; products and factors on their right are padded to a multiple of this.
pub const LANES: usize = 16;
/// Rows computed together: as many sums are under way, or each would wait for the one before.
const ROWS: usize = 8;
const HALF: usize = ROWS / 2;

/// A factor of a product, row by row with a stride, or transposed.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a> {
    values: &'a [f32],
    stride: usize,
    is_transposed: bool,
}

impl<'a> Factor<'a> {
    pub fn new(values: &'a [f32], stride: usize) -> Self {
        Self { values, stride, is_transposed: false }
    }

    /// The transpose of a matrix in rows.
    pub fn transposed(values: &'a [f32], stride: usize) -> Self {
        Self { values, stride, is_transposed: true }
    }
}

/// The arithmetic of a product.
pub trait SmallProduct {
    /// Computes c = a · b: a is `[m, k]`, b `[k, n]`, and c is dense `[m, n]`, where n is a multiple of [`LANES`]. A factor b that is not
    /// transposed has a stride of n. One that is may have fewer than n rows; the columns of c beyond them are zero.
    fn multiply(&mut self, a: Factor<'_>, b: Factor<'_>, c: &mut [f32], size: [usize; 3]);
}

/// Returns how many rows the tile has that begins where `rest` rows are left.
#[inline(always)]
#[allow(clippy::inline_always)]
fn tile_rows(rest: usize) -> usize {
    match rest {
        ROWS.. => ROWS,
        HALF.. => HALF,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn rounded(values: &[f32]) -> Vec<f32> {
        values.iter().map(|value| half::bf16::from_f32(*value).to_f32()).collect()
    }

    /// Compares every layout to sums of the factors in f64, over odd sizes and beyond the edges of tiles.
    fn assert_products_are_those_of_doubles(mut arithmetic: impl SmallProduct, factor: fn(&[f32]) -> Vec<f32>) {
        let sizes: [[usize; 3]; 8] =
            [[1, 1, 1], [1, 40, 3], [3, 5, 7], [8, 16, 2], [13, 33, 65], [12, 64, 31], [53, 32, 53], [4, 4, 0]];
        for (case, [m, n, k]) in sizes.into_iter().enumerate() {
            let wide = n.next_multiple_of(LANES);
            let draw = |purpose, count| Stream::new(case as u64, purpose, 0, 0).normal(count, 1.0);
            // Strides leave gaps, which must not count.
            let (a, a_transposed) = (draw(Purpose::Weights, m * (k + 3)), draw(Purpose::Weights, k * (m + 2)));
            let (b, b_transposed) = (draw(Purpose::Order, k * wide), draw(Purpose::Order, n * (k + 1)));
            let lefts = [(Factor::new(&a, k + 3), [k + 3, 1]), (Factor::transposed(&a_transposed, m + 2), [1, m + 2])];
            let rights = [(Factor::new(&b, wide), [wide, 1]), (Factor::transposed(&b_transposed, k + 1), [1, k + 1])];
            for (left, [row_of_left, term_of_left]) in lefts {
                for (right, [term_of_right, column_of_right]) in rights {
                    let mut c = vec![f32::NAN; m * wide];
                    arithmetic.multiply(left, right, &mut c, [m, wide, k]);
                    let (left, right) = (factor(left.values), factor(right.values));
                    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                        let a = |l: usize| f64::from(left[i * row_of_left + l * term_of_left]);
                        let b = |l: usize| f64::from(right[l * term_of_right + j * column_of_right]);
                        let sum: f64 = (0..k).map(|l| a(l) * b(l)).sum();
                        let ours = c[i * wide + j];
                        assert!((f64::from(ours) - sum).abs() < 2e-5, "{m} × {n} × {k} at {i}, {j}: {ours} and {sum}");
                    }
                    let beyond = |row: &[f32]| row[n..].iter().all(|value| *value == 0.0);
                    assert!(term_of_right != 1 || c.chunks(wide).all(beyond), "{m} × {n} × {k}: beyond the columns");
                }
            }
        }
    }

    #[test]
    fn products_in_f32_are_those_of_doubles() {
        assert_products_are_those_of_doubles(InF32::default(), <[f32]>::to_vec);
    }

    #[test]
    fn products_in_bf16_without_instructions_are_those_of_rounded_factors_in_doubles() {
        assert_products_are_those_of_doubles(InBf16::without_instructions(), rounded);
    }

    #[test]
    #[ignore = "needs AVX512-BF16"]
    fn products_by_avx512_bf16_are_those_of_rounded_factors_in_doubles() {
        let arithmetic = InBf16::default();
        assert!(arithmetic.has_instructions());
        assert_products_are_those_of_doubles(arithmetic, rounded);
    }
}
