//! What always saying the same class scores.

use super::examples::predictions;
use super::select::ComparedRun;
use crate::task::Task;
use crate::task::metrics::LOSS;

/// The validation split as far as guessing is concerned.
pub(super) struct Guessing {
    /// The best score of a model that says one class whatever it reads; none for the loss, which is no score of classes.
    pub score: Option<f64>,
    /// The label of every example, where there is but one.
    pub only_label: Option<&'static str>,
}

impl Guessing {
    /// From the labels beside the predictions of the first run that has them.
    pub fn of(runs: &[&ComparedRun], task: &'static Task, metric: &str) -> Option<Self> {
        let labels: Vec<usize> = runs.iter().find_map(|run| {
            let predictions = predictions(run).ok()?;
            // Else they are not those of this split.
            let is_whole = predictions.len() == run.run.facts.validation_examples;
            (is_whole && !predictions.is_empty()).then(|| predictions.values().map(|(label, _)| *label).collect())
        })?;
        let same = |class: usize| vec![class; labels.len()];
        let known = task.metrics.iter().find(|known| known.name == metric && metric != LOSS);
        let score = known.and_then(|known| {
            let scores = (0..task.labels.len()).map(|class| (known.score)(&labels, &same(class)));
            scores.reduce(|best, next| if known.direction.improves(next, best) { next } else { best })
        });
        let only_label = labels.windows(2).all(|pair| pair[0] == pair[1]).then(|| task.labels.get(labels[0]).copied()).flatten();
        Some(Self { score, only_label })
    }
}
