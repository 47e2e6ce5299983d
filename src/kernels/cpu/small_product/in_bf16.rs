//! Products of factors that are rounded to bf16, with sums in f32.

use super::super::bf16::{Instructions, pair};
use super::super::products::count;
use super::super::simd::vectorized;
use super::{Factor, LANES, SmallProduct};

/// Arithmetic in bf16, by the CPU's instructions if it has AVX512-BF16.
#[derive(Debug)]
pub struct InBf16 {
    has_instructions: bool,
    /// Pairs of terms of the factor on the left: `[m, pairs]`, or `[pairs, m]` if it is transposed.
    left: Vec<u32>,
    /// Pairs of terms of the factor on the right: `[pairs, n]`.
    right: Vec<u32>,
    products: usize,
}

impl Drop for InBf16 {
    fn drop(&mut self) {
        count(self.products, self.has_instructions);
    }
}

impl InBf16 {
    #[cfg(test)]
    pub fn without_instructions() -> Self {
        Self::new(false)
    }

    fn new(has_instructions: bool) -> Self {
        Self { has_instructions, left: Vec::new(), right: Vec::new(), products: 0 }
    }

    #[cfg(test)]
    pub fn has_instructions(&self) -> bool {
        self.has_instructions
    }
}

impl Default for InBf16 {
    fn default() -> Self {
        Self::new(Instructions::Avx512.are_supported())
    }
}

/// Both factors in pairs of terms.
#[derive(Clone, Copy)]
struct Pairs<'a> {
    left: &'a [u32],
    left_is_transposed: bool,
    right: &'a [u32],
}

impl SmallProduct for InBf16 {
    fn multiply(&mut self, a: Factor<'_>, b: Factor<'_>, c: &mut [f32], [m, n, k]: [usize; 3]) {
        self.products += 1;
        let pairs = k.div_ceil(2);
        self.left.resize(self.left.len().max(m * pairs), 0);
        self.right.resize(self.right.len().max(pairs * n), 0);
        if a.is_transposed {
            pair_rows(a, [k, m], &mut self.left, m);
        } else {
            pair_columns(a, [m, k], &mut self.left);
        }
        if b.is_transposed {
            pair_columns_transposed(b, k, &mut self.right, n);
        } else {
            pair_rows(b, [k, n], &mut self.right, n);
        }
        let factors = Pairs { left: &self.left, left_is_transposed: a.is_transposed, right: &self.right };
        #[cfg(target_arch = "x86_64")]
        if self.has_instructions {
            // SAFETY: the CPU has the instructions.
            #[allow(unsafe_code)]
            unsafe {
                by_instructions::product(factors, c, [m, n, pairs]);
            }
            return;
        }
        product(factors, c, [m, n, pairs]);
    }
}

vectorized! {
    /// Writes the pairs of neighbours within rows: `[rows, pairs]`. The second of the last one is zero if there is none.
    fn pair_columns(from: Factor<'_>, size: [usize; 2], to: &mut [u32]) {
        let [rows, columns] = size;
        for (from, to) in from.values.chunks(from.stride).take(rows).zip(to.chunks_exact_mut(columns.div_ceil(2).max(1))) {
            let (whole, last) = from[..columns].as_chunks::<2>();
            for (to, [first, second]) in to.iter_mut().zip(whole) {
                *to = pair(*first, *second);
            }
            if let [last] = last {
                to[whole.len()] = pair(*last, 0.0);
            }
        }
    }
}

vectorized! {
    /// Writes the pairs of neighbours within columns: `[pairs, long]`.
    fn pair_rows(from: Factor<'_>, size: [usize; 2], to: &mut [u32], long: usize) {
        let [rows, columns] = size;
        let row = |at: usize| &from.values[at * from.stride..][..columns];
        for (first, to) in (0..rows).step_by(2).zip(to.chunks_exact_mut(long)) {
            if first + 1 < rows {
                for (to, (first, second)) in to.iter_mut().zip(row(first).iter().zip(row(first + 1))) {
                    *to = pair(*first, *second);
                }
            } else {
                for (to, last) in to.iter_mut().zip(row(first)) {
                    *to = pair(*last, 0.0);
                }
            }
        }
    }
}

vectorized! {
    /// Writes the pairs of neighbours within rows, transposed: `[pairs, long]`, with zeros in columns that it does not have.
    fn pair_columns_transposed(from: Factor<'_>, columns: usize, to: &mut [u32], long: usize) {
        for to in to.chunks_exact_mut(long).take(columns.div_ceil(2)) {
            to[from.values.len() / from.stride..].fill(0);
        }
        for (row, from) in from.values.chunks_exact(from.stride).enumerate() {
            for (block, from) in from[..columns].chunks(2 * LANES).enumerate() {
                let mut pairs = [0; LANES];
                let (whole, last) = from.as_chunks::<2>();
                for (to, [first, second]) in pairs.iter_mut().zip(whole) {
                    *to = pair(*first, *second);
                }
                if let [last] = last {
                    pairs[whole.len()] = pair(*last, 0.0);
                }
                for (at, pair) in pairs.into_iter().take(from.len().div_ceil(2)).enumerate() {
                    to[(block * LANES + at) * long + row] = pair;
                }
            }
        }
    }
}

vectorized! {
    /// Computes the product without the instructions.
    fn product(factors: Pairs<'_>, c: &mut [f32], size: [usize; 3]) {
        let (Pairs { left, left_is_transposed, right }, [m, n, pairs]) = (factors, size);
        let numbers = |pair: u32| [pair << 16, pair & 0xffff_0000].map(f32::from_bits);
        for (row, c) in c.chunks_exact_mut(n).take(m).enumerate() {
            c.fill(0.0);
            for (step, right) in right.chunks_exact(n).take(pairs).enumerate() {
                let a = numbers(left[if left_is_transposed { step * m + row } else { row * pairs + step }]);
                for (sum, b) in c.iter_mut().zip(right) {
                    let b = numbers(*b);
                    *sum += a[0] * b[0] + a[1] * b[1];
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod by_instructions {
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
    };
    use std::mem::transmute;

    use super::super::{HALF, LANES, ROWS, tile_rows};
    use super::Pairs;

    /// Computes the product.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    pub fn product(factors: Pairs<'_>, c: &mut [f32], [m, n, pairs]: [usize; 3]) {
        let mut row = 0;
        while row < m {
            let rows = tile_rows(m - row);
            match rows {
                ROWS => some_rows::<ROWS>(factors, c, row, [m, n, pairs]),
                HALF => some_rows::<HALF>(factors, c, row, [m, n, pairs]),
                _ => some_rows::<1>(factors, c, row, [m, n, pairs]),
            }
            row += rows;
        }
    }

    /// Computes R rows of the product, two vectors at a time and perhaps a last one.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    fn some_rows<const R: usize>(factors: Pairs<'_>, c: &mut [f32], row: usize, size: [usize; 3]) {
        let n = size[1];
        let c = &mut c[row * n..(row + R) * n];
        for column in (0..n).step_by(2 * LANES) {
            match (factors.left_is_transposed, column + 2 * LANES <= n) {
                (true, true) => tile::<R, 2, true>(factors, c, [row, column], size),
                (true, false) => tile::<R, 1, true>(factors, c, [row, column], size),
                (false, true) => tile::<R, 2, false>(factors, c, [row, column], size),
                (false, false) => tile::<R, 1, false>(factors, c, [row, column], size),
            }
        }
    }

    /// Computes V vectors of R rows.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    fn tile<const R: usize, const V: usize, const TRANSPOSED: bool>(
        Pairs { left, right, .. }: Pairs<'_>,
        c: &mut [f32],
        [row, column]: [usize; 2],
        [m, n, pairs]: [usize; 3],
    ) {
        let mut rows_of_left: [&[u32]; R] = [&[]; R];
        if !TRANSPOSED {
            for (of, row_of_left) in rows_of_left.iter_mut().enumerate() {
                *row_of_left = &left[(row + of) * pairs..][..pairs];
            }
        }
        let mut sums: [[__m512; V]; R] = [[_mm512_setzero_ps(); V]; R];
        for (step, right) in right.chunks_exact(n).take(pairs).enumerate() {
            let right = &right[column..][..V * LANES];
            let column_of_left = if TRANSPOSED { &left[step * m + row..][..R] } else { &[] };
            // SAFETY: the vectors lie within the slice, and any bits are numbers.
            #[allow(unsafe_code)]
            let vectors: [__m512bh; V] = std::array::from_fn(|of| unsafe {
                transmute::<__m512i, __m512bh>(_mm512_loadu_si512(right.as_ptr().add(of * LANES).cast()))
            });
            for (of, sums) in sums.iter_mut().enumerate() {
                let left = if TRANSPOSED { column_of_left[of] } else { rows_of_left[of][step] };
                // SAFETY: any bits are numbers.
                #[allow(unsafe_code)]
                let left = unsafe { transmute::<__m512i, __m512bh>(_mm512_set1_epi32(left.cast_signed())) };
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = _mm512_dpbf16_ps(*sum, left, vector);
                }
            }
        }
        for (c, sums) in c.chunks_exact_mut(n).zip(sums) {
            for (to, sum) in c[column..][..V * LANES].as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                // SAFETY: the slice is as long as the vector.
                #[allow(unsafe_code)]
                unsafe {
                    _mm512_storeu_ps(to.as_mut_ptr(), sum);
                }
            }
        }
    }
}
