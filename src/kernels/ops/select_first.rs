//! The first token of each example, which a classifier reads.

use std::sync::Arc;

use crate::kernels::ResidentBatch;

/// `[examples, d]` from `[x]`, `[rows, d]`. The gradient is zero in all other rows.
#[derive(Clone, Debug)]
pub struct SelectFirst {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
}
