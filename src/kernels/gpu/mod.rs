//! The operations on GPUs, as CubeCL kernels: the same functions as on the CPU, with the same dropout masks.
//!
//! Sums are computed in a fixed order and no two units add to the same location, so a kernel returns the same bits every time.

// Kernels are limited to what CubeCL's macro supports.
#![allow(clippy::needless_pass_by_value, clippy::manual_midpoint, clippy::manual_div_ceil, clippy::collapsible_if)]
#![allow(clippy::trivially_copy_pass_by_ref, clippy::fn_params_excessive_bools)]

mod adamw;
mod attention;
mod batch_tables;
mod batch_tensors;
mod bias_gelu;
mod cross_entropy;
mod dropout;
mod embedding;
mod flash_attention;
mod geglu;
mod gradient_sum;
mod matmul;
mod matmul_candidates;
mod matrix_batch;
mod mean_tokens;
mod norm;
mod philox;
mod recording;
mod reduce;
mod relative_attention;
mod rotary_attention;
mod round_bf16;
mod segment_sum;
mod select_first;
mod self_attention;
mod tensors;
#[cfg(all(test, feature = "webgpu"))]
mod tests;

pub use batch_tables::{BatchShape, BatchTables};
pub use recording::{PreparedDevice, Recording, RecordingInputs, bytes_reserved, memory_address};
