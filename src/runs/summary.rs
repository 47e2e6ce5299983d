//! `summary.json`: the results of a finished run, which comparisons are based on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::task::metrics::{ClassScores, ConfusionMatrix, Direction, LOSS, Scores};
use crate::task::{SplitLabels, ValueStatistics};

/// The content of `summary.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this file's format.
    pub format_version: u32,
    pub task: String,
    /// The metric that picked the best checkpoint.
    pub metric: String,
    /// Whether higher or lower scores are better.
    pub direction: Direction,
    /// The evaluation with the best score.
    pub best: Moment,
    /// The last evaluation.
    #[serde(rename = "final")]
    pub last: Moment,
    /// Whether the best checkpoint predicts the same class for every example.
    pub collapsed: bool,
    /// Class counts of the training and validation splits; absent in runs of earlier versions and for tasks without classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<SplitLabels>,
    /// Statistics of the validation split's numbers, for tasks that predict a number; absent in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValueStatistics>,
    /// The best evaluation's confusion matrix, if one of several classes is predicted; absent in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confusion: Option<ConfusionMatrix>,
    /// The best evaluation's precision, recall and F1 of each class or label; absent in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_label: Option<Vec<ClassScores>>,
    /// Steps taken.
    pub steps: u64,
    /// Examples trained on; repeated ones count each time.
    pub examples: u64,
    /// Time from the first step to the last, including evaluations.
    pub duration_seconds: f64,
    /// Time spent in training steps.
    pub training_seconds: f64,
    /// Training throughput in examples, not counting evaluations.
    pub examples_per_second: f64,
    /// Training throughput in tokens without padding, not counting evaluations.
    pub tokens_per_second: f64,
}

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Steps taken.
    pub step: u64,
    /// Epochs so far, as a fraction.
    pub epoch: f64,
    /// Scores by name, including the loss; an undefined metric has no entry.
    pub scores: BTreeMap<String, f64>,
    /// The scores of further validation splits, by split.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub further: BTreeMap<String, BTreeMap<String, f64>>,
    /// Whether every example got the same class although the labels differ.
    pub collapsed: bool,
}

impl Moment {
    /// Creates a moment from an evaluation's scores, and those of further validation splits by name.
    #[must_use]
    pub fn new(step: u64, epoch: f64, scores: &Scores, further: &[(&str, Scores)]) -> Self {
        let further = further.iter().map(|(split, scores)| ((*split).to_string(), by_name(scores))).collect();
        Self { step, epoch, scores: by_name(scores), further, collapsed: scores.collapsed }
    }
}

fn by_name(scores: &Scores) -> BTreeMap<String, f64> {
    let defined = scores.metrics.iter().filter_map(|score| Some((score.metric.clone(), score.value?)));
    defined.chain([(LOSS.to_string(), scores.loss)]).collect()
}
