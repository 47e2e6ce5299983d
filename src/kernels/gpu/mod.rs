//! The operations on GPUs, as CubeCL kernels: the same functions as those on the CPU, with the same dropout.
//!
//! Sums are made in a fixed order and no two units add to one place, so that a kernel gives the same bits every time.

// Kernels are written in what CubeCL's macro knows.
#![allow(clippy::needless_pass_by_value, clippy::manual_midpoint, clippy::manual_div_ceil, clippy::collapsible_if)]
#![allow(clippy::trivially_copy_pass_by_ref, clippy::fn_params_excessive_bools)]

mod adamw;
mod attention;
mod candidates;
mod drop;
mod embed;
mod firsts;
mod gelu;
mod lists;
mod loss;
mod norm;
mod passes;
mod philox;
mod product;
mod project;
mod ragged;
mod ragged_backward;
mod recording;
mod reduce;
mod resident;
mod round;
mod stack;
mod sums;
mod tables;
mod tensors;
#[cfg(all(test, feature = "webgpu"))]
mod tests;
mod tiles;

pub use recording::{Prepared, Reads, Recording, held, whereabouts};
pub use resident::{Resident, ResidentNumbers};
pub use tables::{Shape, Tables};
