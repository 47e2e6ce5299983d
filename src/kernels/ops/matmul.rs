//! Matrix products.

/// Precision of matrix products. Accumulation and result are always f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatmulPrecision {
    /// f32 factors.
    F32,
    /// Factors rounded to the 10-bit mantissa of TF32, where the device supports it.
    Tf32,
    /// Factors rounded to bf16.
    Bf16,
}

/// The matrix product of `[a, b]`; on a GPU batched if there are more than two dimensions.
#[derive(Clone, Debug)]
pub struct Matmul {
    /// The precision of the factors.
    pub precision: MatmulPrecision,
}
