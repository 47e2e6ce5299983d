//! `[data]`.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Data and batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// "hub" (nyu-mll/glue), or a folder: the task's own, or one that contains MRPC/ and SST-2/.
    #[schemars(length(min = 1), extend("x-path" = true))]
    pub source: String,
    /// Training examples per batch.
    pub batch_size: NonZeroUsize,
    /// Validation examples per batch; short ones share larger batches. Affects speed and memory, not scores.
    #[schemars(extend("x-effect" = false))]
    pub eval_batch_size: NonZeroUsize,
    /// Maximum number of tokens; longer inputs are truncated. Default: the checkpoint's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8), extend("x-derived" = "longest_input"))]
    pub max_length: Option<usize>,
    /// Shuffle the training examples anew in each epoch.
    pub shuffle: bool,
    /// Batch examples of similar length together.
    pub group_by_length: bool,
    /// Use only this many training examples, the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_limit: Option<NonZeroUsize>,
    /// Use only this many validation examples, the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_limit: Option<NonZeroUsize>,
}

impl Data {
    /// Returns the number of training examples used, out of those that there are.
    #[must_use]
    pub fn train_examples(&self, available: usize) -> usize {
        self.train_limit.map_or(available, |limit| available.min(limit.get()))
    }

    /// Returns the number of validation examples used, out of those that there are.
    #[must_use]
    pub fn validation_examples(&self, available: usize) -> usize {
        self.eval_limit.map_or(available, |limit| available.min(limit.get()))
    }
}

impl Default for Data {
    fn default() -> Self {
        Self {
            source: "hub".into(),
            batch_size: const { NonZeroUsize::new(8).unwrap() },
            eval_batch_size: const { NonZeroUsize::new(32).unwrap() },
            max_length: None,
            shuffle: true,
            group_by_length: false,
            train_limit: None,
            eval_limit: None,
        }
    }
}
