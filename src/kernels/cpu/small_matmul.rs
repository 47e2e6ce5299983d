//! Products of small matrices that stay in the cache.

/// Columns computed together; matrices are padded to a multiple of this.
pub const LANES: usize = 16;
/// Rows computed together: as many sums are under way, or each would wait for the one before.
const ROWS: usize = 8;

/// Computes c = a · b: a is `[m, k]` with row stride `lda`, b `[k, n]` and c `[m, n]` are dense, and n is a multiple of 16.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn product(a: &[f32], lda: usize, b: &[f32], c: &mut [f32], (m, n, k): (usize, usize, usize)) {
    let mut row = 0;
    while row + ROWS <= m {
        rows::<ROWS>(&a[row * lda..], lda, b, &mut c[row * n..], (n, k));
        row += ROWS;
    }
    while row + ROWS / 2 <= m {
        rows::<{ ROWS / 2 }>(&a[row * lda..], lda, b, &mut c[row * n..], (n, k));
        row += ROWS / 2;
    }
    while row < m {
        rows::<1>(&a[row * lda..], lda, b, &mut c[row * n..], (n, k));
        row += 1;
    }
}

/// Computes some rows of c.
#[inline(always)]
#[allow(clippy::inline_always)]
fn rows<const R: usize>(a: &[f32], lda: usize, b: &[f32], c: &mut [f32], (n, k): (usize, usize)) {
    let a: [&[f32]; R] = std::array::from_fn(|row| &a[row * lda..][..k]);
    for column in (0..n).step_by(LANES) {
        let mut sums = [[0.0_f32; LANES]; R];
        for (step, b) in b.chunks_exact(n).take(k).enumerate() {
            let b = &b[column..][..LANES];
            for (sums, a) in sums.iter_mut().zip(a) {
                let a = a[step];
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
