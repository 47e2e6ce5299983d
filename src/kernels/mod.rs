//! Fused training operations on the CPU: pure functions of slices, and their registration with Burn.
//!
//! A batch is one long row of tokens, example after example, without padding ([`Rows`]). Hidden states are
//! `[tokens, d]`. Each operation reads and writes its operands once, in parallel over rows, and its gradient is written
//! out by hand.
//!
//! Reductions over rows are made of partial sums of a fixed number of rows, added in order, so that no number of
//! threads changes a bit.

mod adamw;
mod attention;
mod backend;
mod buffer;
mod close;
#[cfg(test)]
mod doubles;
mod elementary;
mod embed;
mod gelu;
mod gemm;
mod gradients;
mod mask;
mod reduce;
mod rows;
mod simd;
mod small;

pub use adamw::{Moments, Rule};
pub use backend::{Attending, Closing, Embedding, Fused, Update};
pub use mask::Drop;
pub use rows::{Rows, Words};
