//! Gradients as one vector, and their sums over the batches of one step, which on a GPU stay where they are: recorded work
//! finds them there.

use std::sync::Arc;

use crate::kernels::ResidentTokens;

/// The norm of all tensors as one vector: `[norm]`, `[1]`.
#[derive(Clone, Copy, Debug)]
pub struct GlobalNorm;

/// `[sums.., gradients..]` gives each sum with its gradient added.
#[derive(Clone, Copy, Debug)]
pub struct AddGradients;

/// `[sum, gradient]` gives the sum of a table's gradients, `[ids, d]`, with that of some tokens added: `[tokens, d]`, or more
/// rows.
#[derive(Clone, Debug)]
pub struct AddTokenGradients {
    /// The tokens that have a gradient.
    pub tokens: Arc<ResidentTokens>,
}

/// Zeros in the place of each tensor.
#[derive(Clone, Copy, Debug)]
pub struct ZeroGradients;
