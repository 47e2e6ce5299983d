//! `[data]`.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The data and how batches are made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// "hub" (nyu-mll/glue), or a folder: the task's own, or the one that holds MRPC/ and SST-2/.
    #[schemars(length(min = 1))]
    pub source: String,
    /// Training examples in a batch.
    pub batch_size: NonZeroUsize,
    /// Validation examples in a batch; changes the speed, not the scores.
    pub eval_batch_size: NonZeroUsize,
    /// Longer inputs are truncated to this many tokens. Default: what the checkpoint allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8))]
    pub max_length: Option<usize>,
    /// Batches are padded to a multiple of this many tokens.
    pub pad_to_multiple_of: NonZeroUsize,
    /// Whether each epoch draws a new order of the training examples.
    pub shuffle: bool,
    /// Whether examples of like length are batched together, which saves padding.
    pub group_by_length: bool,
    /// Only the first so many training examples are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_limit: Option<NonZeroUsize>,
    /// Only the first so many validation examples are used.
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
