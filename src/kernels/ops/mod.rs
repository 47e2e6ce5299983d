//! The operations: one file declares each, with its options, operands, formula and tests. Files in `cpu/` and `gpu/` hold their
//! kernels: under the same name, or `relative_attention` for both kinds of attention with relative positions.

mod adamw;
mod attention;
mod bias_gelu;
mod biased_attention;
mod cross_entropy;
mod disentangled_attention;
mod dropout;
mod embedding;
mod geglu;
#[cfg(test)]
pub mod gradcheck;
mod gradient_sum;
mod matmul;
mod mean_tokens;
mod norm;
mod rotary_attention;
mod round_bf16;
mod select_first;

pub use adamw::{AdamWStep, SparseAdamWStep, TouchedRows, UpdateRule};
pub use attention::{Attention, Queries, SelfAttention};
pub use bias_gelu::BiasGelu;
pub use biased_attention::BiasedAttention;
pub use cross_entropy::CrossEntropy;
pub use disentangled_attention::DisentangledAttention;
pub use dropout::{Dropout, MaskRows};
pub use embedding::Embedding;
pub use geglu::Geglu;
pub use gradient_sum::{AddGradients, AddTokenGradients, GlobalNorm, ZeroGradients};
pub use matmul::{Matmul, MatmulPrecision};
pub use mean_tokens::MeanTokens;
pub use norm::{DropoutAddNorm, NormDropout};
pub use rotary_attention::RotaryAttention;
pub use round_bf16::RoundToBf16;
pub use select_first::SelectFirst;
