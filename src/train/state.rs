//! Everything that training needs to continue where it was.
//!
//! Random numbers are functions of the seed and of counters, so that the counters are all there is of them. State is
//! taken between optimizer steps, so that no accumulation is under way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkpoint::HostTensor;

/// A training between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingState {
    /// Parameters, in the order of [`crate::architecture::Architecture::parameters`] and in the file's layout, as all tensors here.
    pub parameters: Vec<HostTensor>,
    /// Running means of the gradients.
    pub first_moments: Vec<HostTensor>,
    /// Running means of the gradients' squares.
    pub second_moments: Vec<HostTensor>,
    /// How far it is.
    pub counters: Counters,
}

/// How far a training is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Optimizer steps taken.
    pub steps: u64,
    /// Batches of all steps so far: their number decides the next dropout masks.
    pub micro_batches: u64,
    /// What the next row of the log has gathered so far.
    pub log: LogInterval,
}

/// The steps since the last row of the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogInterval {
    /// Sum of the losses of their examples.
    pub loss: f64,
    /// Their examples.
    pub examples: u64,
    /// Their tokens, without padding.
    pub tokens: u64,
    /// Time spent on them.
    pub elapsed: Duration,
    /// Examples of all steps before them.
    pub examples_before: u64,
}

/// Where a training begins.
pub enum Start<'a> {
    /// From these parameters, at the first step.
    Fresh(&'a [HostTensor]),
    /// Where another training was.
    Resumed {
        state: TrainingState,
        /// The step of its best evaluation so far, and the score where the metric was defined.
        best: Option<(u64, Option<f64>)>,
    },
}
