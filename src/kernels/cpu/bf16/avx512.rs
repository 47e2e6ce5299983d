//! A tile of a product by AVX512-BF16.

use std::arch::x86_64::{
    __m512bh, __m512i, __mmask16, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_set1_epi32, _mm512_setzero_ps,
};
use std::mem::transmute;

/// Rows and columns of a tile.
pub const TILE: [usize; 2] = [12, 32];

const ROWS: usize = TILE[0];
const COLUMNS: usize = TILE[1];
/// Numbers of a vector.
const LANES: usize = 16;

/// Computes `size` numbers of a tile, or adds them to it, from a panel of rows, `[pairs, ROWS]`,
/// and one of columns, `[pairs, COLUMNS]`.
///
/// # Safety
/// The CPU must have the instructions. `out` points to a tile of this size in rows of `stride` numbers that nothing else accesses, and
/// which are initialized if the sums are added.
#[allow(unsafe_code)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub unsafe fn multiply([rows, columns]: [&[u32]; 2], out: *mut f32, stride: usize, size: [usize; 2], adds: bool) {
    let mut sums = [[_mm512_setzero_ps(); COLUMNS / LANES]; ROWS];
    for (row, column) in rows.as_chunks::<ROWS>().0.iter().zip(columns.as_chunks::<COLUMNS>().0) {
        // SAFETY: both vectors lie within the array, and any bits are numbers.
        let vectors: [__m512bh; COLUMNS / LANES] = unsafe {
            [
                transmute::<__m512i, __m512bh>(_mm512_loadu_si512(column.as_ptr().cast())),
                transmute::<__m512i, __m512bh>(_mm512_loadu_si512(column.as_ptr().add(LANES).cast())),
            ]
        };
        for (sums, pair) in sums.iter_mut().zip(row) {
            // SAFETY: any bits are numbers.
            let pair = unsafe { transmute::<__m512i, __m512bh>(_mm512_set1_epi32(pair.cast_signed())) };
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = _mm512_dpbf16_ps(*sum, pair, vector);
            }
        }
    }
    for (row, sums) in sums.into_iter().enumerate().take(size[0]) {
        for (part, sum) in sums.into_iter().enumerate() {
            let used = size[1].saturating_sub(part * LANES).min(LANES);
            if used > 0 {
                let mask: __mmask16 = u16::MAX >> (LANES - used);
                // SAFETY: the mask keeps accesses within the tile.
                unsafe {
                    let first = out.add(row * stride + part * LANES);
                    let sum = if adds { _mm512_add_ps(_mm512_maskz_loadu_ps(mask, first), sum) } else { sum };
                    _mm512_mask_storeu_ps(first, mask, sum);
                }
            }
        }
    }
}
