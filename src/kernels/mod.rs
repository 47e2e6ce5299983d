//! Fused training operations, each with a gradient written out by hand: what they are, their passes on each backend, and
//! their registration with Burn.
//!
//! A batch is one long row of tokens, example after example, without padding ([`Rows`]). Hidden states are
//! `[tokens, d]`.

mod cpu;
#[cfg(feature = "gpu")]
mod gpu;
mod gradients;
mod mask;
mod operations;
mod passes;
mod rows;
mod several;
#[cfg(feature = "gpu")]
mod sums;

pub use cpu::instruction_set;
#[cfg(feature = "gpu")]
pub use gpu::{Prepared, Reads, Recording, Shape, held, whereabouts};
pub use mask::Drop;
pub use operations::{
    Attending, Closing, Dropping, Embedding, Fused, Judging, Moved, Products, Rule, Ruled, Rules, Touched, Update,
};
pub use rows::{Rows, Words};
pub use several::Several;
#[cfg(feature = "gpu")]
pub use sums::Sums;
