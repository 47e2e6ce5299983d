//! Word, position and segment embeddings of each token, summed.

use std::sync::Arc;

use crate::kernels::ResidentBatch;

/// `[rows, d]` from the tables of words, positions and segments, each `[ids, d]`.
///
/// The gradient of the words is that of the batch's [distinct ones](crate::kernels::UniqueTokens) alone, `[ids, d]`; all
/// other rows' are zero. On a GPU either may have rows behind these, which fill it up to one of few sizes and have no part
/// in any gradient.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
}
