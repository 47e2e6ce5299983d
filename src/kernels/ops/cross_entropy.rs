//! Cross-entropy: -mean log softmax(z)ₗ, whose gradient is (softmax(z) - 1ₗ) / examples.

use std::sync::Arc;

use crate::kernels::ResidentBatch;

/// Minus the mean logarithm of the probabilities of the batch's classes, times a share: `[1]` from `[logits]`, `[examples,
/// classes]`.
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    /// The batch, with its [classes](crate::kernels::Targets::Classes).
    pub batch: Arc<ResidentBatch>,
    /// What the mean is multiplied with.
    pub share: f64,
}
