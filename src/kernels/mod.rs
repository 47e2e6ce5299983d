//! Fused training operations with hand-written gradients.
//!
//! [`ops`] declares them, `cpu` and `gpu` implement their kernels, and [`Operation`] applies them to Burn's tensors.
//!
//! A batch is one long sequence of tokens, example after example, without padding ([`RaggedBatch`]). Hidden states are
//! `[tokens, d]`.

#[cfg(test)]
pub mod applied;
mod batch_tensors;
mod cpu;
mod distance_rows;
mod dropout_mask;
#[cfg(feature = "gpu")]
mod gpu;
mod operation;
mod ops;
mod packed;
mod ragged_batch;
mod resident;
mod rotary_table;
mod targets;
mod update;

pub use batch_tensors::{BatchIndices, BatchNumbers};
pub use cpu::{bf16_instructions, instruction_set, product_counts};
pub use distance_rows::DistanceRows;
pub use dropout_mask::DropoutMask;
#[cfg(feature = "gpu")]
pub use gpu::{BatchShape, PreparedDevice, Recording, RecordingInputs, bytes_reserved, memory_address};
pub use operation::Operation;
pub use ops::{
    AdamWStep, AddGradients, AddTokenGradients, Attention, BiasGelu, BiasedAttention, CrossEntropy, DisentangledAttention,
    Dropout, DropoutAddNorm, Embedding, Geglu, GlobalNorm, MaskRows, Matmul, MatmulPrecision, MeanTokens, NormDropout, Queries,
    RotaryAttention, RoundToBf16, SelectFirst, SelfAttention, SparseAdamWStep, TouchedRows, UpdateRule, ZeroGradients,
};
pub use ragged_batch::{RaggedBatch, UniqueTokens};
pub use resident::{ResidentBatch, ResidentDistanceRows, ResidentRotaryTable, ResidentRules, ResidentTokens};
pub use rotary_table::RotaryTable;
pub use targets::Targets;
pub use update::Update;
