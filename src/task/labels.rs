//! Class frequencies, and the scores that constant predictions reach because of them.

use serde::{Deserialize, Serialize};

use super::constant::{Constant, Guess};
use super::metrics::{Baseline, LOSS};
use super::{Example, Head, Output, Prediction, Target, Task};

/// The number of examples of each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LabelCounts(Vec<usize>);

/// The class counts of a training run's splits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitLabels {
    /// The classes of the training examples.
    pub train: LabelCounts,
    /// The classes of the validation examples.
    pub validation: LabelCounts,
}

impl SplitLabels {
    /// Counts the classes of both splits; returns `None` if the head does not predict classes.
    #[must_use]
    pub fn of(head: &Head, train: &[Example], validation: &[Example]) -> Option<Self> {
        let Head::Classes(classes) = head else { return None };
        let counts = |examples: &[Example]| {
            let labels = examples.iter().filter_map(|example| example.target.as_ref()?.class());
            LabelCounts::of(classes.len(), labels)
        };
        Some(Self { train: counts(train), validation: counts(validation) })
    }
}

impl LabelCounts {
    /// Counts classes; ids outside the range are ignored.
    #[must_use]
    pub fn of(classes: usize, labels: impl Iterator<Item = usize>) -> Self {
        let mut counts = vec![0; classes];
        for label in labels {
            if let Some(count) = counts.get_mut(label) {
                *count += 1;
            }
        }
        Self(counts)
    }

    /// Returns the counts by class.
    #[must_use]
    pub fn counts(&self) -> &[usize] {
        &self.0
    }

    /// Returns the class that all examples share, if they do.
    #[must_use]
    pub fn only(&self) -> Option<usize> {
        let mut present = (0..self.0.len()).filter(|class| self.0[*class] > 0);
        present.next().filter(|_| present.next().is_none())
    }

    /// Returns the best score of any constant prediction: of a class or, for metrics of probabilities and for the loss, of the
    /// frequency of each class. `None` if the metric has no such baseline.
    #[must_use]
    pub fn constant(&self, task: &Task, metric: &str) -> Option<Constant> {
        let total: usize = self.0.iter().sum();
        if total == 0 {
            return None;
        }
        let shares: Vec<f64> = self.0.iter().map(|count| *count as f64 / total as f64).collect();
        if metric == LOSS {
            let entropy = shares.iter().filter(|share| **share > 0.0).map(|share| -share * share.ln()).sum::<f64>();
            return Some(Constant { guess: Guess::Shares, score: entropy });
        }
        let metric = task.metric(metric)?;
        let score = |output: Output| {
            let labels = (0..).zip(&self.0).flat_map(|(class, count)| std::iter::repeat_n(Target::Class(class), *count));
            let predictions: Vec<Prediction> = labels.map(|target| Prediction { target, output: output.clone() }).collect();
            (metric.score)(task, &predictions)
        };
        match metric.baseline {
            Baseline::Mean | Baseline::Median | Baseline::None => None,
            Baseline::Shares => Some(Constant { guess: Guess::Shares, score: score(Output::of_probabilities(&shares))? }),
            Baseline::Class => {
                let mut best: Option<Constant> = None;
                for class in 0..self.0.len() {
                    let Some(score) = score(Output::one_hot(class, self.0.len())) else { continue };
                    if best.as_ref().is_none_or(|best| metric.direction.improves(score, best.score)) {
                        best = Some(Constant { guess: Guess::Class(class), score });
                    }
                }
                best
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: [usize; 2]) -> LabelCounts {
        LabelCounts(counts.into())
    }

    /// 279 of MRPC's 408 validation pairs are equivalent. Expected values: scikit-learn's accuracy_score, f1_score and log_loss
    /// of constant predictions.
    #[test]
    fn guessing_on_mrpc_scores_what_scikit_learn_says() {
        let task = &super::super::glue::task("mrpc").unwrap();
        let all = counts([129, 279]);
        for (metric, guess, score) in [
            ("accuracy", Guess::Class(1), 0.683_823_529_411_764_7),
            ("f1", Guess::Class(1), 0.812_227_074_235_807_9),
            ("loss", Guess::Shares, 0.623_953_725_161_963_8),
        ] {
            let constant = all.constant(task, metric).unwrap();
            assert_eq!(constant.guess, guess, "{metric}");
            assert!((constant.score - score).abs() < 1e-9, "{metric}: {}", constant.score);
        }
        assert_eq!(counts([3, 1]).constant(task, "accuracy").unwrap(), Constant { guess: Guess::Class(0), score: 0.75 });
        assert_eq!(counts([0, 0]).constant(task, "accuracy"), None);
    }

    #[test]
    fn one_label_differs_from_two() {
        assert_eq!(
            (counts([0, 5]).only(), counts([2, 0]).only(), counts([1, 1]).only(), counts([0, 0]).only()),
            (Some(1), Some(0), None, None)
        );
    }
}
