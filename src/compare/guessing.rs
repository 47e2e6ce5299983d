//! The score of always predicting the same class or number.

use super::select::ComparedRun;
use crate::runs::{files, predicted_classes};
use crate::task::metrics::LOSS;
use crate::task::{Constant, Guess, Head, LabelCounts, Task};

/// What the targets of the validation split say about guessing.
pub(super) struct Guessing {
    /// The best score of a model that predicts the same for every input; `None` for the loss, which does not score classes, and for
    /// metrics without such a score.
    pub score: Option<f64>,
    /// What a model does that has this score: `guessing one class`.
    pub how: &'static str,
    /// The label of every example, if there is only one.
    pub only_label: Option<String>,
}

impl Guessing {
    /// Reads the targets' counts or statistics from the first run that has them.
    pub fn of(runs: &[&ComparedRun], task: &Task, metric: &str) -> Option<Self> {
        let (constant, only_label) = match &task.head {
            Head::Classes(classes) => {
                let counts = runs.iter().find_map(|run| labels(run, classes.len()))?;
                (counts.constant(task, metric), counts.only().map(|class| classes[class].clone()))
            }
            Head::Value => {
                let values = runs.iter().find_map(|run| run.run.summary.as_ref()?.values)?;
                (values.constant(metric), None)
            }
            Head::Labels(_) => return None,
        };
        let how = match constant {
            Some(Constant { guess: Guess::Mean(_), .. }) => "predicting the mean",
            Some(Constant { guess: Guess::Median(_), .. }) => "predicting the median",
            _ => "guessing one class",
        };
        Some(Self { score: constant.filter(|_| metric != LOSS).map(|constant| constant.score), how, only_label })
    }
}

/// The labels stored with a run's predictions, unless they are not those of the whole split.
fn labels(run: &ComparedRun, classes: usize) -> Option<LabelCounts> {
    let predictions = predicted_classes(&run.run.path.join(files::PREDICTIONS)).ok()?;
    let is_whole = predictions.len() == run.run.facts.validation_examples;
    let labels = || predictions.values().map(|(label, _)| *label);
    (is_whole && !predictions.is_empty()).then(|| LabelCounts::of(classes, labels()))
}
