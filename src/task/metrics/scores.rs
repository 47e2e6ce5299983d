//! The scores of a split.

use serde::{Deserialize, Serialize};

use super::{LOSS, Metric};
use crate::task::{Prediction, Task};

/// A metric's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The metric's name.
    pub metric: String,
    /// The value; `None` if it is undefined.
    pub value: Option<f64>,
}

/// The loss and the task's metrics over all predictions of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Mean loss over the examples.
    pub loss: f64,
    /// The task's metrics, in order.
    pub metrics: Vec<Score>,
    /// Whether all predicted classes are equal although the labels differ; always false for other heads.
    pub collapsed: bool,
}

impl Scores {
    /// Scores predictions with the task's metrics.
    #[must_use]
    pub fn of(task: &Task, predictions: &[Prediction]) -> Self {
        let score = |metric: &Metric| Score { metric: metric.name.into(), value: (metric.score)(task, predictions) };
        Self {
            loss: predictions.iter().map(Prediction::loss).sum::<f64>() / predictions.len() as f64,
            metrics: task.metrics.iter().map(score).collect(),
            collapsed: has_collapsed(predictions),
        }
    }

    /// Returns a score by name, including `loss`; `None` if the metric is undefined or the task does not have it.
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
