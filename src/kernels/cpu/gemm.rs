//! Products of large matrices with the `gemm` crate, into memory that is written only once.

use gemm::Parallelism;

use super::matrix::Matrix;

/// Returns a · b, row-major.
///
/// # Panics
/// Panics if the inner dimensions differ.
#[must_use]
pub fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    assert_eq!(a.columns, b.rows, "inner dimensions");
    let (m, n, k) = (a.rows, b.columns, a.columns);
    let mut out: Vec<f32> = Vec::with_capacity(m * n);
    if k == 0 {
        out.resize(m * n, 0.0);
        return out;
    }
    // SAFETY: the operands hold every element that their strides reach, by construction. `out` has capacity for m · n
    // numbers, and `gemm` writes all of them without reading them first (`read_dst` is false) before the length is set.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n.cast_signed(),
            false,
            a.data.as_ptr(),
            a.column_stride,
            a.row_stride,
            b.data.as_ptr(),
            b.column_stride,
            b.row_stride,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
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
    assert_eq!(a.columns, b.rows, "inner dimensions");
    let (adds, out) = match out {
        Sum::Replaces(out) => (false, out),
        Sum::AddsTo(out) => (true, out),
    };
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert_eq!(out.len(), m * n, "a product of {m} × {n}");
    // SAFETY: the operands hold every element that their strides reach, by construction, and `out` holds m · n numbers.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n.cast_signed(),
            adds,
            a.data.as_ptr(),
            a.column_stride,
            a.row_stride,
            b.data.as_ptr(),
            b.column_stride,
            b.row_stride,
            if adds { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Compares every layout to sums in f64.
    #[test]
    fn products_are_those_of_doubles() {
        for (case, (m, n, k)) in [(1, 1, 1), (3, 5, 7), (17, 33, 64), (65, 2, 130), (4, 4, 0)].into_iter().enumerate() {
            let draw = |purpose, count| Stream::new(case as u64, purpose, 0, 0).normal(count, 1.0);
            let (a, b) = (draw(Purpose::Weights, m * k), draw(Purpose::Order, k * n));
            let expected = |at: &dyn Fn(usize, usize) -> f32, bt: &dyn Fn(usize, usize) -> f32| -> Vec<f64> {
                let sum = |i: usize, j: usize| (0..k).map(|l| f64::from(at(i, l)) * f64::from(bt(l, j))).sum();
                (0..m * n).map(|index| sum(index / n, index % n)).collect()
            };
            let check = |ours: Vec<f32>, theirs: Vec<f64>| {
                assert_eq!(ours.len(), theirs.len());
                for (a, b) in ours.iter().zip(&theirs) {
                    assert!((f64::from(*a) - b).abs() < 1e-4, "{a} and {b}");
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
