//! Rounding for matrix products.

/// Matrices, each rounded to the nearest bf16.
#[derive(Clone, Copy, Debug)]
pub struct RoundToBf16;
