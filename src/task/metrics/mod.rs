//! Metrics: named functions of all predictions of a split at once.

mod classes;
mod scores;
mod values;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Head, Prediction};

pub use scores::{Score, Scores};

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

/// A function of predictions, and what has to be known to read its scores. Files hold its name alone.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The word in experiment files and in the header of `eval.csv`.
    pub name: &'static str,
    /// Which score is better.
    pub direction: Direction,
    /// The smallest and the largest possible score.
    pub range: (f64, f64),
    /// Whether it can score what a model with this head predicts.
    pub fits: fn(&Head) -> bool,
    /// The score; none where it is undefined.
    pub score: fn(&[Prediction]) -> Option<f64>,
}

/// Name of the mean loss, which every task has beside its metrics.
pub const LOSS: &str = "loss";

/// Cross-entropies and squared errors are at least 0.
pub const LOSS_RANGE: (f64, f64) = (0.0, f64::INFINITY);

impl Metric {
    /// Share of predictions that equal the label.
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

    /// Pearson's correlation of predicted and right values; undefined where either are all the same.
    pub const PEARSON: Self = Self {
        name: "pearson",
        direction: Direction::Maximize,
        range: (-1.0, 1.0),
        fits: |head| *head == Head::Value,
        score: values::pearson,
    };

    /// Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
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

    /// Every metric.
    pub const ALL: [Self; 5] = [Self::ACCURACY, Self::F1, Self::PEARSON, Self::SPEARMAN, Self::MSE];

    /// The metric of this name.
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
