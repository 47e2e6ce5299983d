//! `summary.json`: the facts of a finished run that comparisons are made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::task::SplitLabels;
use crate::task::metrics::{Direction, LOSS, Scores};

/// The content of `summary.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this file's format.
    pub format_version: u32,
    pub task: String,
    /// The metric that picked the best checkpoint.
    pub metric: String,
    /// Which of its scores is better.
    pub direction: Direction,
    /// The evaluation with the best score.
    pub best: Moment,
    /// The last evaluation.
    #[serde(rename = "final")]
    pub last: Moment,
    /// Whether the best checkpoint gives every example the same class.
    pub collapsed: bool,
    /// The classes of the examples learnt from and scored on; absent in runs of earlier versions, and of what predicts no class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<SplitLabels>,
    /// Steps taken.
    pub steps: u64,
    /// Examples learnt from, repeated ones counted each time.
    pub examples: u64,
    /// Time from the first step to the last, evaluations included.
    pub duration_seconds: f64,
    /// Time of the training steps alone.
    pub training_seconds: f64,
    /// Examples learnt from in a second of training.
    pub examples_per_second: f64,
    /// Tokens, padding not counted, in a second of training.
    pub tokens_per_second: f64,
}

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Steps taken.
    pub step: u64,
    /// Passes over the training split.
    pub epoch: f64,
    /// By name, the loss included; a metric that is undefined has no score.
    pub scores: BTreeMap<String, f64>,
    /// Whether every example got the same class although the labels differ.
    pub collapsed: bool,
}

impl Moment {
    /// From an evaluation's scores.
    #[must_use]
    pub fn new(step: u64, epoch: f64, scores: &Scores) -> Self {
        let named = scores.metrics.iter().filter_map(|score| Some((score.metric.clone(), score.value?)));
        Self { step, epoch, scores: named.chain([(LOSS.to_string(), scores.loss)]).collect(), collapsed: scores.collapsed }
    }
}
