//! Which code computes the products of large matrices.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bf16::{self, Instructions};
use super::gemm;
use super::matrix::Matrix;
use crate::kernels::MatmulPrecision;

/// Products so far, in f32 and by bf16 instructions.
static COUNTS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Returns how many products of large matrices this process has computed in f32 and by bf16 instructions.
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
    let is_bf16 = precision == MatmulPrecision::Bf16;
    let instructions = if is_bf16 { Instructions::fastest() } else { None };
    COUNTS[usize::from(instructions.is_some())].fetch_add(1, Ordering::Relaxed);
    match (instructions, is_bf16) {
        (Some(instructions), _) => bf16::product(a, b, instructions),
        // Only tests come here: no device of such a CPU is offered for bf16.
        (None, true) => {
            let [left, right] = [a.rounded(), b.rounded()];
            gemm::product(a.with_data(&left), b.with_data(&right))
        }
        (None, false) => gemm::product(a, b),
    }
}
