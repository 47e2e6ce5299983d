//! Cross-entropy: -mean log softmax(z)ₗ, whose gradient is (softmax(z) - 1ₗ) / examples.

use std::sync::Arc;

use crate::kernels::ResidentBatch;

/// The mean negative log-likelihood of the batch's classes, times `share`: `[1]` from `[logits]`, `[examples, classes]`.
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    /// The batch, with its [classes](crate::kernels::Targets::Classes).
    pub batch: Arc<ResidentBatch>,
    /// Factor that the mean is multiplied by.
    pub share: f64,
}
