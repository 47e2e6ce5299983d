//! Products of large matrices with the `gemm` crate, into memory that is written only once.

use gemm::Parallelism;

use super::matrix::Matrix;

/// Terms of a sum that one call of the crate adds up. Longer sums it splits by the machine's cache sizes, so that they would round
/// differently on machines with the same instructions.
const DEPTH: usize = 512;

/// Returns a · b, row-major.
///
/// # Panics
/// Panics if the inner dimensions differ.
#[must_use]
pub fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    let (m, n) = (a.rows, b.columns);
    let mut out: Vec<f32> = Vec::with_capacity(m * n);
    if a.columns == 0 {
        out.resize(m * n, 0.0);
        return out;
    }
    // SAFETY: `out` has capacity for m · n numbers, all of which are written without being read first.
    #[allow(unsafe_code)]
    unsafe {
        multiply(a, b, out.as_mut_ptr(), false, Parallelism::Rayon(0));
        out.set_len(m * n);
    }
    out
}

/// Where a product goes, dense and row-major.
#[derive(Debug)]
pub enum Sum<'a> {
    Replaces(&'a mut [f32]),
    AddsTo(&'a mut [f32]),
}

/// Computes a · b on this thread, for products of blocks that run in parallel.
///
/// # Panics
/// Panics if the inner dimensions differ, or the output has another length.
pub fn product_into(a: Matrix<'_>, b: Matrix<'_>, out: Sum<'_>) {
    let (adds, out) = match out {
        Sum::Replaces(out) => (false, out),
        Sum::AddsTo(out) => (true, out),
    };
    assert_eq!(out.len(), a.rows * b.columns, "a product of {} × {}", a.rows, b.columns);
    if a.columns == 0 && !adds {
        out.fill(0.0);
    }
    // SAFETY: `out` holds m · n numbers.
    #[allow(unsafe_code)]
    unsafe {
        multiply(a, b, out.as_mut_ptr(), adds, Parallelism::None);
    }
}

/// Writes a · b to `out`, or adds it.
///
/// # Safety
/// `out` points to m · n numbers that may be written, and are initialized if the product is added.
#[allow(unsafe_code)]
unsafe fn multiply(a: Matrix<'_>, b: Matrix<'_>, out: *mut f32, adds: bool, parallelism: Parallelism) {
    assert_eq!(a.columns, b.rows, "inner dimensions");
    let (m, n, k) = (a.rows, b.columns, a.columns);
    if m == 0 || n == 0 {
        return;
    }
    for start in (0..k).step_by(DEPTH) {
        let adds = adds || start > 0;
        let (first_a, first_b) = (start * a.column_stride.cast_unsigned(), start * b.row_stride.cast_unsigned());
        // SAFETY: the operands hold every element that their strides reach, by construction. `out` is as the caller says; it is read
        // only once it is initialized.
        unsafe {
            gemm::gemm(
                m,
                n,
                DEPTH.min(k - start),
                out,
                1,
                n.cast_signed(),
                adds,
                a.data[first_a..].as_ptr(),
                a.column_stride,
                a.row_stride,
                b.data[first_b..].as_ptr(),
                b.column_stride,
                b.row_stride,
                if adds { 1.0 } else { 0.0 },
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Compares every layout to sums in f64.
    #[test]
    fn products_are_those_of_doubles() {
        for (case, (m, n, k)) in
            [(1, 1, 1), (3, 5, 7), (17, 33, 64), (65, 2, 130), (9, 20, 1030), (4, 4, 0)].into_iter().enumerate()
        {
            let draw = |purpose, count| Stream::new(case as u64, purpose, 0, 0).normal(count, 1.0);
            let (a, b) = (draw(Purpose::Weights, m * k), draw(Purpose::Order, k * n));
            let expected = |at: &dyn Fn(usize, usize) -> f32, bt: &dyn Fn(usize, usize) -> f32| -> Vec<f64> {
                let sum = |i: usize, j: usize| (0..k).map(|l| f64::from(at(i, l)) * f64::from(bt(l, j))).sum();
                (0..m * n).map(|index| sum(index / n, index % n)).collect()
            };
            let check = |ours: Vec<f32>, theirs: Vec<f64>| {
                assert_eq!(ours.len(), theirs.len());
                for (a, b) in ours.iter().zip(&theirs) {
                    assert!((f64::from(*a) - b).abs() < 2e-4, "{a} and {b}");
                }
            };
            check(product(Matrix::new(&a, m, k), Matrix::new(&b, k, n)), expected(&|i, l| a[i * k + l], &|l, j| b[l * n + j]));
            check(
                product(Matrix::new(&a, k, m).transposed(), Matrix::new(&b, k, n)),
                expected(&|i, l| a[l * m + i], &|l, j| b[l * n + j]),
            );
            check(
                product(Matrix::new(&a, m, k), Matrix::new(&b, n, k).transposed()),
                expected(&|i, l| a[i * k + l], &|l, j| b[j * k + l]),
            );
        }
    }
}
