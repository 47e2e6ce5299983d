//! All scores of a split.

use serde::{Deserialize, Serialize};

use super::{LOSS, Metric};
use crate::task::Prediction;

/// A metric's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The metric's name.
    pub metric: String,
    /// Its value; none where it is undefined.
    pub value: Option<f64>,
}

/// The loss and the task's metrics over all predictions of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Mean loss over the examples.
    pub loss: f64,
    /// One for each metric of the task, in its order.
    pub metrics: Vec<Score>,
    /// Whether every example got the same class although the labels differ; only classes collapse.
    pub collapsed: bool,
}

impl Scores {
    /// Scores predictions with the given metrics.
    #[must_use]
    pub fn of(predictions: &[Prediction], metrics: &[Metric]) -> Self {
        let score = |metric: &Metric| Score { metric: metric.name.into(), value: (metric.score)(predictions) };
        Self {
            loss: predictions.iter().map(Prediction::loss).sum::<f64>() / predictions.len() as f64,
            metrics: metrics.iter().map(score).collect(),
            collapsed: has_collapsed(predictions),
        }
    }

    /// The score of a metric by name, `loss` included; none where the metric is undefined or not the task's.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        if name == LOSS {
            return Some(self.loss);
        }
        self.metrics.iter().find(|score| score.metric == name)?.value
    }
}

fn has_collapsed(predictions: &[Prediction]) -> bool {
    let labels: Option<Vec<usize>> = predictions.iter().map(|prediction| prediction.target.class()).collect();
    let Some(labels) = labels else { return false };
    let mut classes = predictions.iter().map(|prediction| prediction.output.class());
    let first = classes.next();
    classes.all(|class| Some(class) == first) && labels.windows(2).any(|pair| pair[0] != pair[1])
}
