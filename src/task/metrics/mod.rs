//! Metrics: named functions of all predictions of a split.

mod classes;
mod scores;
mod values;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Head, Prediction};

pub use scores::{Score, Scores};

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

/// A scoring function and how to interpret its scores. Serialized as its name.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The name in experiment files and in the header of `eval.csv`.
    pub name: &'static str,
    /// Which scores are better.
    pub direction: Direction,
    /// The smallest and the largest possible score.
    pub range: (f64, f64),
    /// Whether the metric applies to a model with this head.
    pub fits: fn(&Head) -> bool,
    /// Computes the score; `None` if it is undefined.
    pub score: fn(&[Prediction]) -> Option<f64>,
}

/// The name of the mean loss, which every task has besides its metrics.
pub const LOSS: &str = "loss";

/// The range of the loss: cross-entropies and squared errors are at least 0.
pub const LOSS_RANGE: (f64, f64) = (0.0, f64::INFINITY);

impl Metric {
    /// The fraction of predictions that equal the label.
    pub const ACCURACY: Self = Self {
        name: "accuracy",
        direction: Direction::Maximize,
        range: (0.0, 1.0),
        fits: |head| matches!(head, Head::Classes(_)),
        score: classes::accuracy,
    };

    /// Harmonic mean of precision and recall of class 1, as scikit-learn's `f1_score` and GLUE define it.
    pub const F1: Self = Self {
        name: "f1",
        direction: Direction::Maximize,
        range: (0.0, 1.0),
        fits: |head| matches!(head, Head::Classes(classes) if classes.len() == 2),
        score: classes::f1,
    };

    /// Pearson correlation of predicted and correct values; undefined if either are all equal.
    pub const PEARSON: Self = Self {
        name: "pearson",
        direction: Direction::Maximize,
        range: (-1.0, 1.0),
        fits: |head| *head == Head::Value,
        score: values::pearson,
    };

    /// Spearman correlation: the Pearson correlation of the ranks, where ties share their mean rank.
    pub const SPEARMAN: Self = Self {
        name: "spearman",
        direction: Direction::Maximize,
        range: (-1.0, 1.0),
        fits: |head| *head == Head::Value,
        score: values::spearman,
    };

    /// Mean squared error.
    pub const MSE: Self = Self {
        name: "mse",
        direction: Direction::Minimize,
        range: (0.0, f64::INFINITY),
        fits: |head| *head == Head::Value,
        score: values::mse,
    };

    /// All metrics.
    pub const ALL: [Self; 5] = [Self::ACCURACY, Self::F1, Self::PEARSON, Self::SPEARMAN, Self::MSE];

    /// Returns the metric with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name == name)
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
