//! `[data]`.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Data and batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// "hub" (nyu-mll/glue), or a folder: the task's own, or one that contains MRPC/ and SST-2/.
    #[schemars(length(min = 1))]
    pub source: String,
    /// Training examples per batch.
    pub batch_size: NonZeroUsize,
    /// Validation examples per batch; affects speed, not scores.
    pub eval_batch_size: NonZeroUsize,
    /// Maximum number of tokens; longer inputs are truncated. Default: the checkpoint's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8))]
    pub max_length: Option<usize>,
    /// Pad batches to a multiple of this many tokens.
    pub pad_to_multiple_of: NonZeroUsize,
    /// Shuffle the training examples anew in each epoch.
    pub shuffle: bool,
    /// Batch examples of similar length together, which saves padding.
    pub group_by_length: bool,
    /// Use only this many training examples, the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_limit: Option<NonZeroUsize>,
    /// Use only this many validation examples, the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_limit: Option<NonZeroUsize>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            source: "hub".into(),
            batch_size: NonZeroUsize::new(8).unwrap_or(NonZeroUsize::MIN),
            eval_batch_size: NonZeroUsize::new(32).unwrap_or(NonZeroUsize::MIN),
            max_length: None,
            pad_to_multiple_of: NonZeroUsize::MIN,
            shuffle: true,
            group_by_length: false,
            train_limit: None,
            eval_limit: None,
        }
    }
}
