//! The complete training state that resuming needs.
//!
//! Random numbers are functions of the seed and of counters, so the counters are their entire state. State is captured between
//! optimizer steps, so no gradient accumulation is in progress.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkpoint::HostTensor;

/// The state of a training run between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingState {
    /// Parameters in the order of [`crate::architecture::Architecture::parameters`] and in checkpoint layout, like all tensors
    /// here.
    pub parameters: Vec<HostTensor>,
    /// Running means of the gradients.
    pub first_moments: Vec<HostTensor>,
    /// Running means of the squared gradients.
    pub second_moments: Vec<HostTensor>,
    /// Training progress.
    pub counters: Counters,
}

/// Training progress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Optimizer steps taken.
    pub steps: u64,
    /// Micro-batches of all steps so far; this number determines the next dropout masks.
    pub micro_batches: u64,
    /// The partial next log row.
    pub log: LogInterval,
}

/// The steps since the last log row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogInterval {
    /// Sum of the losses of all examples.
    pub loss: f64,
    /// Number of examples.
    pub examples: u64,
    /// Number of tokens, without padding.
    pub tokens: u64,
    /// Time spent.
    pub elapsed: Duration,
    /// Number of examples before this interval.
    pub examples_before: u64,
}

/// The starting point of training.
pub enum Start<'a> {
    /// From these parameters, at the first step.
    Fresh(&'a [HostTensor]),
    /// From a saved state.
    Resumed {
        state: TrainingState,
        /// The step of the best evaluation so far, and its score, if the metric was defined.
        best: Option<(u64, Option<f64>)>,
    },
}
