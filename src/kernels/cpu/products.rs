//! Which code computes the products of large matrices, and how many products there were.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bf16::{self, Instructions};
use super::gemm;
use super::matrix::Matrix;
use crate::kernels::MatmulPrecision;

/// Products so far, in f32 and by bf16 instructions.
static COUNTS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Counts products.
pub fn count(products: usize, by_bf16_instructions: bool) {
    COUNTS[usize::from(by_bf16_instructions)].fetch_add(products as u64, Ordering::Relaxed);
}

/// Returns how many products this process has computed in f32 and by bf16 instructions: those of large matrices, and those within
/// attention (but not within rotary attention).
#[must_use]
pub fn product_counts() -> [u64; 2] {
    COUNTS.each_ref().map(|count| count.load(Ordering::Relaxed))
}

/// Returns the instructions by which this CPU multiplies bf16 numbers, `amx` or `avx512_bf16`, or `None` if it has none.
#[must_use]
pub fn bf16_instructions() -> Option<&'static str> {
    Instructions::fastest().map(Instructions::name)
}

/// Returns a · b, row-major.
#[must_use]
pub fn product(a: Matrix<'_>, b: Matrix<'_>, precision: MatmulPrecision) -> Vec<f32> {
    let [product] = products(a, [b], precision);
    product
}

/// Returns a · b for several factors b, row-major.
#[must_use]
pub fn products<const N: usize>(a: Matrix<'_>, b: [Matrix<'_>; N], precision: MatmulPrecision) -> [Vec<f32>; N] {
    let is_bf16 = precision == MatmulPrecision::Bf16;
    let instructions = if is_bf16 { Instructions::fastest() } else { None };
    count(N, instructions.is_some());
    match (instructions, is_bf16) {
        (Some(instructions), _) => bf16::products(a, b, instructions),
        // Only tests come here: no device of such a CPU is offered for bf16.
        (None, true) => {
            let left = a.rounded();
            b.map(|b| gemm::product(a.with_data(&left), b.with_data(&b.rounded())))
        }
        (None, false) => b.map(|b| gemm::product(a, b)),
    }
}
