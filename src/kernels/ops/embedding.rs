//! The sum of word, position and segment embeddings of each token.

use std::sync::Arc;

use crate::kernels::ResidentBatch;

/// `[rows, d]` from the tables of words, positions and segments, each `[ids, d]`.
///
/// The gradient of the word table covers only the batch's [distinct tokens](crate::kernels::UniqueTokens), `[ids, d]`; all
/// other rows are zero. On a GPU both the output and this gradient may have padding rows at the end, up to one of few sizes,
/// which do not affect any gradient.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
}
