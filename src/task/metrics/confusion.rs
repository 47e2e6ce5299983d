//! Counts of true and predicted classes.

use serde::{Deserialize, Serialize};

use crate::task::{Head, Prediction};

/// How often each class was predicted for the examples of each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// The classes, in the order of their ids.
    pub labels: Vec<String>,
    /// By true class, then by predicted class: `[classes][classes]`.
    pub counts: Vec<Vec<usize>>,
}

/// Precision, recall and F1 of one class or label; 0 where a rate has no examples, as in scikit-learn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The class or label.
    pub label: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// The number of examples of this class, or with this label.
    pub support: usize,
}

/// True positives, false positives and false negatives of a class or a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub true_positives: usize,
    pub false_positives: usize,
    pub false_negatives: usize,
}

impl Counts {
    #[must_use]
    pub fn precision(self) -> f64 {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    #[must_use]
    pub fn recall(self) -> f64 {
        ratio(self.true_positives, self.true_positives + self.false_negatives)
    }

    #[must_use]
    pub fn f1(self) -> f64 {
        ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)
    }

    /// Examples of the class.
    #[must_use]
    pub fn support(self) -> usize {
        self.true_positives + self.false_negatives
    }

    /// Whether the class occurs among neither labels nor predictions.
    #[must_use]
    pub fn is_absent(self) -> bool {
        self == Self::default()
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl ConfusionMatrix {
    /// Counts predictions; none where the head predicts something other than one of several classes, or where a target is not
    /// one of these.
    #[must_use]
    pub fn of(head: &Head, predictions: &[Prediction]) -> Option<Self> {
        let Head::Classes(labels) = head else { return None };
        let mut counts = vec![vec![0; labels.len()]; labels.len()];
        for prediction in predictions {
            *counts.get_mut(prediction.target.class()?)?.get_mut(prediction.output.class())? += 1;
        }
        Some(Self { labels: labels.clone(), counts })
    }

    fn of_class(&self, class: usize) -> Counts {
        let row: usize = self.counts[class].iter().sum();
        let column: usize = self.counts.iter().map(|row| row[class]).sum();
        let true_positives = self.counts[class][class];
        Counts { true_positives, false_positives: column - true_positives, false_negatives: row - true_positives }
    }
}

/// The counts of each class or label, in the head's order; none where targets do not fit the head.
#[must_use]
pub fn counts(head: &Head, predictions: &[Prediction]) -> Option<Vec<Counts>> {
    match head {
        Head::Classes(labels) => {
            let matrix = ConfusionMatrix::of(head, predictions)?;
            Some((0..labels.len()).map(|class| matrix.of_class(class)).collect())
        }
        Head::Labels(labels) => {
            let mut counts = vec![Counts::default(); labels.len()];
            for prediction in predictions {
                let (right, predicted) = (prediction.target.labels()?, prediction.output.decided_labels());
                if right.len() != counts.len() || predicted.len() != counts.len() {
                    return None;
                }
                for ((count, right), predicted) in counts.iter_mut().zip(right).zip(predicted) {
                    match (*right, predicted) {
                        (true, true) => count.true_positives += 1,
                        (false, true) => count.false_positives += 1,
                        (true, false) => count.false_negatives += 1,
                        (false, false) => {}
                    }
                }
            }
            Some(counts)
        }
        Head::Value => None,
    }
}

impl ClassScores {
    /// The scores of each class or label, in the head's order; none for a number.
    #[must_use]
    pub fn of(head: &Head, predictions: &[Prediction]) -> Option<Vec<Self>> {
        let scores = |(label, counts): (&String, Counts)| Self {
            label: label.clone(),
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            support: counts.support(),
        };
        Some(head.labels().iter().zip(counts(head, predictions)?).map(scores).collect())
    }
}
