//! Squares of pairs, which are transposed while they are packed.

/// Rows and columns of a square.
pub const SIDE: usize = 16;

pub type Square = [[u32; SIDE]; SIDE];

/// Returns the transpose.
#[inline]
pub fn transposed(square: &Square) -> Square {
    #[cfg(target_arch = "x86_64")]
    if super::super::simd::has_avx512() {
        // SAFETY: the CPU has AVX-512.
        #[allow(unsafe_code)]
        return unsafe { avx512::transposed(square) };
    }
    std::array::from_fn(|row| std::array::from_fn(|column| square[column][row]))
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_shuffle_i32x4, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    };
    use std::mem::transmute;

    use super::{SIDE, Square};

    /// Returns the transpose: first of squares of four numbers, then of four such squares at a time.
    #[target_feature(enable = "avx512f")]
    pub fn transposed(square: &Square) -> Square {
        // SAFETY: both hold 16 × 16 numbers of 32 bits.
        #[allow(unsafe_code)]
        let mut rows = unsafe { transmute::<Square, [__m512i; SIDE]>(*square) };
        for four in rows.as_chunks_mut::<4>().0 {
            let [a, b, c, d] = *four;
            let [ab, cd] = [_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d)];
            let [ab_high, cd_high] = [_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d)];
            *four = [
                _mm512_unpacklo_epi64(ab, cd),
                _mm512_unpackhi_epi64(ab, cd),
                _mm512_unpacklo_epi64(ab_high, cd_high),
                _mm512_unpackhi_epi64(ab_high, cd_high),
            ];
        }
        for row in 0..4 {
            let [a, b, c, d] = [rows[row], rows[4 + row], rows[8 + row], rows[12 + row]];
            let [ab, cd] = [_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0x88>(c, d)];
            let [ab_odd, cd_odd] = [_mm512_shuffle_i32x4::<0xdd>(a, b), _mm512_shuffle_i32x4::<0xdd>(c, d)];
            rows[row] = _mm512_shuffle_i32x4::<0x88>(ab, cd);
            rows[4 + row] = _mm512_shuffle_i32x4::<0x88>(ab_odd, cd_odd);
            rows[8 + row] = _mm512_shuffle_i32x4::<0xdd>(ab, cd);
            rows[12 + row] = _mm512_shuffle_i32x4::<0xdd>(ab_odd, cd_odd);
        }
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            transmute::<[__m512i; SIDE], Square>(rows)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let square: Square = std::array::from_fn(|row| std::array::from_fn(|column| (row * SIDE + column) as u32));
        for (row, values) in transposed(&square).iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                assert_eq!(*value as usize, column * SIDE + row);
            }
        }
    }
}
