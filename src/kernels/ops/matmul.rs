//! Matrix products.

/// How matrix products are computed. The sums and the result are f32 always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatmulPrecision {
    /// Of factors in f32.
    F32,
    /// Of factors rounded to TF32's 10 bits, where the device has it.
    Tf32,
    /// Of factors rounded to bf16.
    Bf16,
}

/// The matrix product of `[a, b]`; on a GPU, of each pair of matrices where there are more than two dimensions.
#[derive(Clone, Debug)]
pub struct Matmul {
    /// How it is computed.
    pub precision: MatmulPrecision,
}
