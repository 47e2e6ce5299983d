//! Metrics: named functions of all predictions of a split at once.

use serde::{Deserialize, Serialize};

/// Which of two scores of a metric is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The larger.
    Maximize,
    /// The smaller.
    Minimize,
}

impl Direction {
    /// Whether `score` beats `best`; equal scores do not, so the earliest of equals stays the best.
    #[must_use]
    pub fn improves(self, score: f64, best: f64) -> bool {
        match self {
            Self::Maximize => score > best,
            Self::Minimize => score < best,
        }
    }
}

/// A metric's name and direction, and its function of (labels, predictions).
#[derive(Debug)]
pub struct Metric {
    /// The word in experiment files and in the header of `eval.csv`.
    pub name: &'static str,
    /// Which score is better.
    pub direction: Direction,
    /// The smallest and the largest score that there can be.
    pub range: (f64, f64),
    /// The score of predictions against labels.
    pub score: fn(labels: &[usize], predictions: &[usize]) -> f64,
}

/// Share of predictions that equal the label.
pub static ACCURACY: Metric = Metric { name: "accuracy", direction: Direction::Maximize, range: (0.0, 1.0), score: accuracy };

/// Harmonic mean of precision and recall of class 1, as scikit-learn's `f1_score` and GLUE define it.
pub static F1: Metric = Metric { name: "f1", direction: Direction::Maximize, range: (0.0, 1.0), score: f1 };

/// Name of the mean cross-entropy, which every task has beside its metrics.
pub const LOSS: &str = "loss";

/// Cross-entropy is at least 0.
pub const LOSS_RANGE: (f64, f64) = (0.0, f64::INFINITY);

fn accuracy(labels: &[usize], predictions: &[usize]) -> f64 {
    let right = labels.iter().zip(predictions).filter(|(label, prediction)| label == prediction).count();
    right as f64 / labels.len() as f64
}

fn f1(labels: &[usize], predictions: &[usize]) -> f64 {
    let pairs = || labels.iter().zip(predictions);
    let true_positives = pairs().filter(|pair| matches!(pair, (1, 1))).count();
    let wrong = pairs().filter(|pair| matches!(pair, (1, 0) | (0, 1))).count();
    // scikit-learn's value where neither labels nor predictions hold class 1.
    if true_positives == 0 { 0.0 } else { 2.0 * true_positives as f64 / (2 * true_positives + wrong) as f64 }
}

/// What a model says of one example.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class that is right.
    pub label: usize,
    /// The class with the largest logit; of equal ones the first.
    pub class: usize,
    /// One for each class.
    pub logits: Vec<f32>,
}

impl Prediction {
    /// The prediction that these logits make.
    #[must_use]
    pub fn new(label: usize, logits: Vec<f32>) -> Self {
        let class = (0..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
        Self { label, class, logits }
    }

    /// Softmax of the logits.
    #[must_use]
    pub fn probabilities(&self) -> Vec<f64> {
        let largest = self.logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: Vec<f64> = self.logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(|e| e / sum).collect()
    }

    /// Cross-entropy: minus the logarithm of the label's probability.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let largest = self.logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = self.logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
        sum.ln() - f64::from(self.logits[self.label] - largest)
    }
}

/// A metric's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The metric's name.
    pub metric: String,
    /// Its value.
    pub value: f64,
}

/// The loss and the task's metrics over all predictions of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Mean cross-entropy over the examples.
    pub loss: f64,
    /// One for each metric of the task, in its order.
    pub metrics: Vec<Score>,
    /// Whether every example got the same class although the labels differ.
    pub collapsed: bool,
}

impl Scores {
    /// Scores predictions with the given metrics.
    #[must_use]
    pub fn of(predictions: &[Prediction], metrics: &[&Metric]) -> Self {
        let labels: Vec<usize> = predictions.iter().map(|p| p.label).collect();
        let classes: Vec<usize> = predictions.iter().map(|p| p.class).collect();
        let constant = |values: &[usize]| values.windows(2).all(|pair| pair[0] == pair[1]);
        Self {
            loss: predictions.iter().map(Prediction::loss).sum::<f64>() / predictions.len() as f64,
            metrics: metrics
                .iter()
                .map(|metric| Score { metric: metric.name.into(), value: (metric.score)(&labels, &classes) })
                .collect(),
            collapsed: constant(&classes) && !constant(&labels),
        }
    }

    /// The score of a metric by name, `loss` included.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        if name == LOSS {
            return Some(self.loss);
        }
        self.metrics.iter().find(|score| score.metric == name).map(|score| score.value)
    }
}
