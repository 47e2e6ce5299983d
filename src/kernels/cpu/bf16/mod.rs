//! Products of large matrices by the CPU's bf16 instructions: factors are rounded to bf16, sums are f32.
//!
//! Both factors are packed in panels that a tile of the product reads from beginning to end. The order of a sum depends on its length
//! alone, so the bytes are the same with any number of threads.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod amx_cases;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod amx_emulator;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod instructions;
mod pack;
mod square;

use std::mem::MaybeUninit;

use rayon::prelude::*;

pub use self::instructions::Instructions;
pub use self::pack::pair;
use self::pack::{Packed, PanelOrder, pack};
use super::matrix::Matrix;

/// Terms of a sum that are packed at a time. One panel of columns of this length just exceeds the first-level cache.
const DEPTH: usize = 1024;
/// Panels of rows and of columns that a task multiplies: rows stay in the second-level cache.
const TASK: [usize; 2] = [10, 8];

impl Instructions {
    /// Returns the rows and columns of a tile.
    fn tile(self) -> [usize; 2] {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Amx => amx::TILE,
            Self::Avx512 => avx512::TILE,
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            [1, 1]
        }
    }

    /// Returns the orders in which a panel of rows and one of columns are packed.
    fn orders(self) -> [PanelOrder; 2] {
        match self {
            Self::Amx => [PanelOrder::Blocks, PanelOrder::WholeBlocksByPair],
            Self::Avx512 => [PanelOrder::ByPair; 2],
        }
    }
}

/// The product while it is computed. Tasks write to tiles that do not overlap.
struct UnfinishedProduct {
    first: *mut f32,
    columns: usize,
}

// SAFETY: no number is accessed by two tasks.
#[allow(unsafe_code)]
unsafe impl Sync for UnfinishedProduct {}

/// Returns a · b for several factors b, row-major, from factors rounded to bf16. The first is packed once.
///
/// # Panics
/// Panics if the inner dimensions differ, or the CPU does not have the instructions.
#[must_use]
pub fn products<const N: usize>(a: Matrix<'_>, b: [Matrix<'_>; N], instructions: Instructions) -> [Vec<f32>; N] {
    assert!(instructions.are_supported(), "this CPU has no {}", instructions.name());
    products_of_checked(a, b, instructions)
}

/// Returns the products with instructions that the CPU has.
fn products_of_checked<const N: usize>(a: Matrix<'_>, b: [Matrix<'_>; N], instructions: Instructions) -> [Vec<f32>; N] {
    let (m, k) = (a.rows, a.columns);
    assert!(b.iter().all(|b| b.rows == k), "inner dimensions");
    let mut all = b.map(|b| Vec::<f32>::with_capacity(m * b.columns));
    let ([height, width], [of_rows, of_columns]) = (instructions.tile(), instructions.orders());
    for start in (0..k).step_by(DEPTH) {
        let terms = start..k.min(start + DEPTH);
        let rows = pack(a, terms.clone(), height, of_rows);
        for (b, out) in b.iter().zip(&mut all) {
            let columns = pack(b.transposed(), terms.clone(), width, of_columns);
            let first = out.spare_capacity_mut().as_mut_ptr().cast::<f32>();
            let unfinished = UnfinishedProduct { first, columns: b.columns };
            let tasks = [rows.panels().div_ceil(TASK[0]), columns.panels().div_ceil(TASK[1])];
            (0..tasks[0] * tasks[1]).into_par_iter().for_each(|task| {
                multiply(instructions, [&rows, &columns], [task / tasks[1], task % tasks[1]], &unfinished, start > 0);
            });
        }
    }
    for (b, out) in b.iter().zip(&mut all) {
        let count = m * b.columns;
        if k == 0 {
            out.resize(count, 0.0);
        }
        // SAFETY: the first block of terms, or `resize`, has written all numbers, which the vector has capacity for.
        #[allow(unsafe_code)]
        unsafe {
            out.set_len(count);
        }
    }
    all
}

/// Computes the tiles of a task.
fn multiply(instructions: Instructions, factors: [&Packed; 2], task: [usize; 2], unfinished: &UnfinishedProduct, adds: bool) {
    let panels = |which: usize| task[which] * TASK[which]..factors[which].panels().min((task[which] + 1) * TASK[which]);
    let tiles = || panels(1).flat_map(|column| panels(0).map(move |row| [row, column]));
    let [rows, columns] = factors;
    let size = |[row, column]: [usize; 2]| [rows.used(row), columns.used(column)];
    let [height, width] = instructions.tile();
    let first = |[row, column]: [usize; 2]| unfinished.first.wrapping_add(row * height * unfinished.columns + column * width);
    // SAFETY: `products` has checked the instructions. A tile lies within the m × n numbers of the product, and no other task writes to
    // it. It has been written before if the sums are added to it.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    unsafe {
        match instructions {
            Instructions::Amx => {
                let registers = amx::Tiles::configure();
                for at in tiles() {
                    let panels = [rows.panel(at[0]), columns.panel(at[1])];
                    registers.multiply(panels, first(at), unfinished.columns, size(at), adds);
                }
            }
            Instructions::Avx512 => {
                for at in tiles() {
                    let panels = [rows.panel(at[0]), columns.panel(at[1])];
                    avx512::multiply(panels, first(at), unfinished.columns, size(at), adds);
                }
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (tiles, size, first, adds, Packed::panel);
}

/// Returns an uninitialized buffer, for [`pack()`] to fill.
fn buffer(count: usize) -> Vec<MaybeUninit<u32>> {
    let mut values = Vec::with_capacity(count);
    // SAFETY: an uninitialized number is a valid `MaybeUninit`.
    #[allow(unsafe_code)]
    unsafe {
        values.set_len(count);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn rounded(values: &[f32]) -> Vec<f32> {
        values.iter().map(|value| half::bf16::from_f32(*value).to_f32()).collect()
    }

    /// Compares every layout to sums of the rounded factors in f64, over odd sizes and beyond the edges of tiles, tasks and depth.
    fn assert_products_are_those_of_rounded_factors_in_doubles(product: impl Fn(Matrix<'_>, Matrix<'_>) -> Vec<f32>) {
        let sizes = [
            (1, 1, 1),
            (3, 5, 7),
            (12, 32, 2),
            (13, 33, 65),
            (32, 32, 32),
            (64, 96, 96),
            (121, 300, 40),
            (7, 66, 1025),
            (64, 32, 1056),
            (25, 31, 2100),
            (4, 4, 0),
        ];
        for (case, (m, n, k)) in sizes.into_iter().enumerate() {
            let draw = |purpose, count| Stream::new(case as u64, purpose, 0, 0).normal(count, 1.0);
            let (a, b) = (draw(Purpose::Weights, m * k), draw(Purpose::Order, k * n));
            let check = |a_is: Matrix<'_>, b_is: Matrix<'_>, [row, term]: [usize; 2], [of_term, column]: [usize; 2]| {
                let (a, b) = (rounded(&a), rounded(&b));
                let ours = product(a_is, b_is);
                assert_eq!(ours.len(), m * n);
                for (index, ours) in ours.iter().enumerate() {
                    let (i, j) = (index / n, index % n);
                    let term = |l: usize| f64::from(a[i * row + l * term]) * f64::from(b[l * of_term + j * column]);
                    let sum: f64 = (0..k).map(term).sum();
                    assert!((f64::from(*ours) - sum).abs() < 2e-4, "{m} × {n} × {k} at {i}, {j}: {ours} and {sum}");
                }
            };
            check(Matrix::new(&a, m, k), Matrix::new(&b, k, n), [k, 1], [n, 1]);
            check(Matrix::new(&a, k, m).transposed(), Matrix::new(&b, k, n), [1, m], [n, 1]);
            check(Matrix::new(&a, m, k), Matrix::new(&b, n, k).transposed(), [k, 1], [1, k]);
        }
    }

    fn assert_threads_change_no_byte(product: impl Fn(Matrix<'_>, Matrix<'_>) -> Vec<f32> + Sync) {
        let (m, n, k) = (250, 600, 1100);
        let (a, b) = (
            Stream::new(1, Purpose::Weights, 0, 0).normal(m * k, 1.0),
            Stream::new(2, Purpose::Weights, 0, 0).normal(k * n, 1.0),
        );
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| product(Matrix::new(&a, m, k), Matrix::new(&b, k, n)))
        };
        assert_eq!(with(1), with(3));
    }

    fn assert_what_is_no_number_stays_none(product: impl Fn(Matrix<'_>, Matrix<'_>) -> Vec<f32>) {
        let (a, b) = ([1.0, f32::NAN, 2.0, f32::INFINITY], [1.0, 1.0]);
        let product = product(Matrix::new(&a, 2, 2), Matrix::new(&b, 2, 1));
        assert!(product[0].is_nan() && product[1] == f32::INFINITY, "{product:?}");
    }

    #[test]
    #[ignore = "needs AVX512-BF16"]
    fn several_products_by_avx512_bf16_are_those_computed_alone() {
        let (m, n, k) = (50, [70, 3, 33], 1100);
        let draw = |purpose, count| Stream::new(1, purpose, 0, 0).normal(count, 1.0);
        let (a, b) = (draw(Purpose::Weights, m * k), n.map(|n| draw(Purpose::Order, k * n)));
        let (a, b) = (Matrix::new(&a, m, k), [0, 1, 2].map(|of| Matrix::new(&b[of], k, n[of])));
        let together = products(a, b, Instructions::Avx512);
        assert_eq!(together, b.map(|b| products(a, [b], Instructions::Avx512)).map(|[alone]| alone));
    }

    /// Lets products by AMX be computed in software where the CPU does not have it.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    mod by_emulated_amx {
        use super::*;

        /// `tests/reference/amx` computed the expected values in Bochs.
        #[test]
        fn tiles_are_those_of_another_emulator() {
            emulate_if_needed();
            // SAFETY: the CPU or the emulator has the instructions, and each case's tile lies within its numbers.
            #[allow(unsafe_code)]
            let multiply = |panels: [&[u32]; 2], out: &mut [f32], stride, size, adds| unsafe {
                amx::Tiles::configure().multiply(panels, out.as_mut_ptr(), stride, size, adds);
            };
            let mut ours = String::new();
            amx_cases::write_checksums(multiply, &mut ours).unwrap();
            assert_eq!(ours, include_str!("../../../../tests/golden/amx.txt"));
        }

        fn emulate_if_needed() {
            if !Instructions::Amx.are_supported() {
                amx_emulator::install();
            }
        }

        fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
            emulate_if_needed();
            let [product] = products_of_checked(a, [b], Instructions::Amx);
            product
        }

        #[test]
        fn products_are_those_of_rounded_factors_in_doubles() {
            assert_products_are_those_of_rounded_factors_in_doubles(product);
        }

        #[test]
        fn threads_change_no_byte() {
            assert_threads_change_no_byte(product);
        }

        #[test]
        fn what_is_no_number_stays_none() {
            assert_what_is_no_number_stays_none(product);
        }
    }

    macro_rules! tests_of {
        ($module:ident, $instructions:expr, $needs:literal) => {
            mod $module {
                use super::*;

                fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
                    let [product] = products(a, [b], $instructions);
                    product
                }

                #[test]
                #[ignore = $needs]
                fn products_are_those_of_rounded_factors_in_doubles() {
                    assert_products_are_those_of_rounded_factors_in_doubles(product);
                }

                #[test]
                #[ignore = $needs]
                fn threads_change_no_byte() {
                    assert_threads_change_no_byte(product);
                }

                #[test]
                #[ignore = $needs]
                fn what_is_no_number_stays_none() {
                    assert_what_is_no_number_stays_none(product);
                }
            }
        };
    }

    tests_of!(by_avx512_bf16, Instructions::Avx512, "needs AVX512-BF16");
    tests_of!(by_amx, Instructions::Amx, "needs AMX-BF16");
}
