//! Metrics: named functions of all predictions of a split.

mod calibration;
mod classification;
mod confusion;
mod ranking;
mod regression;
mod scores;
mod table;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Head, Prediction, Task};

pub use confusion::{ClassScores, ConfusionMatrix, Counts, counts};
pub use scores::{Score, Scores};
pub use table::ALL;

/// Whether larger or smaller scores are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Larger is better.
    Maximize,
    /// Smaller is better.
    Minimize,
}

impl Direction {
    /// Whether `score` beats `best`. Equal scores do not, so the earliest of equal scores stays the best.
    #[must_use]
    pub fn improves(self, score: f64, best: f64) -> bool {
        match self {
            Self::Maximize => score > best,
            Self::Minimize => score < best,
        }
    }
}

/// The constant prediction that a metric's scores are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The same class for every example.
    Class,
    /// The share of each class as its probability.
    Shares,
    /// The mean of the values.
    Mean,
    /// The median of the values.
    Median,
    /// None: constant predictions are not informative.
    None,
}

/// A scoring function and how to interpret its scores. Serialized as its name.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The name in experiment files and in the header of `eval.csv`.
    pub name: &'static str,
    /// Which scores are better.
    pub direction: Direction,
    /// The smallest and the largest possible score.
    pub range: (f64, f64),
    /// Which constant prediction it is compared with.
    pub baseline: Baseline,
    /// Whether it depends on probabilities, and not only on the class or label that is decided.
    pub of_probabilities: bool,
    /// Whether the metric applies to a model with this head.
    pub fits: fn(&Head) -> bool,
    /// Computes the score of a task's predictions; `None` if it is undefined.
    pub score: fn(&Task, &[Prediction]) -> Option<f64>,
}

/// The name of the mean loss, which every task has besides its metrics.
pub const LOSS: &str = "loss";

/// The range of the loss: cross-entropies and squared errors are at least 0.
pub const LOSS_RANGE: (f64, f64) = (0.0, f64::INFINITY);

impl Metric {
    /// Returns the metric with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|metric| metric.name == name).copied()
    }
}

impl fmt::Debug for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(format!("unknown metric \"{name}\"")))
    }
}
