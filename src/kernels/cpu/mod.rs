//! The operations on the CPU: pure functions of slices that know nothing of Burn, and their passes over its tensors.
//!
//! Each reads and writes its operands once, in parallel over rows. Reductions over rows are made of partial sums of a
//! fixed number of rows, added in order, so that no number of threads changes a bit.

mod adamw;
mod attention;
mod buffer;
mod close;
#[cfg(test)]
mod doubles;
mod elementary;
mod embed;
mod gelu;
mod gemm;
mod loss;
mod passes;
mod reduce;
mod simd;
mod small;

pub use simd::instruction_set;
