//! Which code computes the products of large matrices.

use std::sync::atomic::{AtomicU64, Ordering};

use super::matrix::Matrix;
use super::{bf16, gemm};
use crate::kernels::MatmulPrecision;

/// Products so far, in f32 and by bf16 instructions.
static COUNTS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Returns how many products of large matrices this process has computed in f32 and by bf16 instructions.
#[must_use]
pub fn product_counts() -> [u64; 2] {
    COUNTS.each_ref().map(|count| count.load(Ordering::Relaxed))
}

/// Whether this CPU multiplies bf16 numbers.
#[must_use]
pub fn has_bf16_instructions() -> bool {
    bf16::is_supported()
}

/// Returns a · b, row-major.
#[must_use]
pub fn product(a: Matrix<'_>, b: Matrix<'_>, precision: MatmulPrecision) -> Vec<f32> {
    let is_bf16 = precision == MatmulPrecision::Bf16;
    let by_instructions = is_bf16 && bf16::is_supported();
    COUNTS[usize::from(by_instructions)].fetch_add(1, Ordering::Relaxed);
    match (by_instructions, is_bf16) {
        (true, _) => bf16::product(a, b),
        // Only tests come here: no device of such a CPU is offered for bf16.
        (false, true) => {
            let [left, right] = [a.rounded(), b.rounded()];
            gemm::product(a.with_data(&left), b.with_data(&right))
        }
        (false, false) => gemm::product(a, b),
    }
}
