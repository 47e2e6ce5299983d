//! CPU kernels: pure functions of slices, and the code that applies them to Burn's tensors.
//!
//! Each reads and writes its operands once, in parallel over rows. Reductions over rows consist of partial sums over a fixed
//! number of rows, added in order, so results are bitwise independent of the number of threads.

mod adamw;
mod attention;
mod bf16;
mod bias_gelu;
mod buffer;
mod cross_entropy;
mod dropout;
mod elementary;
mod embedding;
mod example_attention;
mod geglu;
mod gemm;
mod gradient_sum;
mod matmul;
mod matrix;
mod mean_tokens;
mod norm;
mod products;
mod reduce;
mod relative;
mod relative_attention;
mod relative_terms;
mod rotary_attention;
mod round_bf16;
mod select_first;
mod self_attention;
mod simd;
mod small_product;
mod softmax;
mod tensors;

pub use products::{bf16_instructions, product_counts};
pub use simd::instruction_set;
