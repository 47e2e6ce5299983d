//! The score of always predicting the same class.

use super::select::ComparedRun;
use crate::runs::{files, predicted_classes};
use crate::task::metrics::LOSS;
use crate::task::{Head, LabelCounts, Task};

/// What the labels of the validation split say about guessing.
pub(super) struct Guessing {
    /// The best score of a model that predicts one class for every input; `None` for the loss, which does not score classes.
    pub score: Option<f64>,
    /// The label of every example, if there is only one.
    pub only_label: Option<String>,
}

impl Guessing {
    /// Reads the labels stored with the predictions of the first run that has them.
    pub fn of(runs: &[&ComparedRun], task: &Task, metric: &str) -> Option<Self> {
        let Head::Classes(classes) = &task.head else { return None };
        let labels: Vec<usize> = runs.iter().find_map(|run| {
            let predictions = predicted_classes(&run.run.path.join(files::PREDICTIONS)).ok()?;
            // Otherwise they are not those of this split.
            let is_whole = predictions.len() == run.run.facts.validation_examples;
            (is_whole && !predictions.is_empty()).then(|| predictions.values().map(|(label, _)| *label).collect())
        })?;
        let counts = LabelCounts::of(classes.len(), labels.into_iter());
        let score = counts.constant(task, metric).filter(|_| metric != LOSS).map(|constant| constant.score);
        let only_label = counts.only().map(|class| classes[class].clone());
        Some(Self { score, only_label })
    }
}
