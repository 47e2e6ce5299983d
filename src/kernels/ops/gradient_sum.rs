//! Norm of gradients, and gradient accumulation over the batches of one step. On a GPU the sums stay at the same address,
//! where recorded work expects them.

use std::sync::Arc;

use crate::kernels::ResidentTokens;

/// The norm of all tensors as one vector: `[norm]`, of shape `[1]`.
#[derive(Clone, Copy, Debug)]
pub struct GlobalNorm;

/// Maps `[sums.., gradients..]` to the sums, each with its gradient added.
#[derive(Clone, Copy, Debug)]
pub struct AddGradients;

/// Maps `[sum, gradient]` to the gradient sum of a table, `[ids, d]`, with the gradient of some tokens added: `[tokens, d]`,
/// or more rows on a GPU, which are ignored.
#[derive(Clone, Debug)]
pub struct AddTokenGradients {
    /// The tokens that have a gradient.
    pub tokens: Arc<ResidentTokens>,
}

/// Replaces each tensor with zeros.
#[derive(Clone, Copy, Debug)]
pub struct ZeroGradients;
