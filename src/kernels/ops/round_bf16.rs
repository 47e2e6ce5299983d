//! Rounding of matrix-product factors.

/// Rounds each matrix to the nearest bf16.
#[derive(Clone, Copy, Debug)]
pub struct RoundToBf16;
