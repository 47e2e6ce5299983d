//! Products of small matrices that stay in the cache.

/// Columns computed together; matrices are padded to a multiple of this.
pub const LANES: usize = 16;
const ROWS: usize = 4;

/// Computes c = a · b: a is `[m, k]` with row stride `lda`, b `[k, n]` and c `[m, n]` are dense, and n is a multiple of 16.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn product(a: &[f32], lda: usize, b: &[f32], c: &mut [f32], (m, n, k): (usize, usize, usize)) {
    let mut row = 0;
    while row + ROWS <= m {
        for column in (0..n).step_by(LANES) {
            let mut sums = [[0.0_f32; LANES]; ROWS];
            for step in 0..k {
                let b: &[f32] = &b[step * n + column..][..LANES];
                for (offset, sums) in sums.iter_mut().enumerate() {
                    let a = a[(row + offset) * lda + step];
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum += a * b;
                    }
                }
            }
            for (offset, sums) in sums.iter().enumerate() {
                c[(row + offset) * n + column..][..LANES].copy_from_slice(sums);
            }
        }
        row += ROWS;
    }
    for row in row..m {
        for column in (0..n).step_by(LANES) {
            let mut sums = [0.0_f32; LANES];
            for step in 0..k {
                let a = a[row * lda + step];
                for (sum, b) in sums.iter_mut().zip(&b[step * n + column..][..LANES]) {
                    *sum += a * b;
                }
            }
            c[row * n + column..][..LANES].copy_from_slice(&sums);
        }
    }
}

/// Writes aᵀ to b `[columns, ldb]`, where a is `[rows, lda]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn transpose(a: &[f32], lda: usize, b: &mut [f32], ldb: usize, (rows, columns): (usize, usize)) {
    for column in 0..columns {
        for row in 0..rows {
            b[column * ldb + row] = a[row * lda + column];
        }
    }
}
