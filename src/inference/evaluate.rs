//! The scores of a model on labeled examples.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::bootstrap::{Interval95, bootstrap};
use crate::task::metrics::{ClassScores, ConfusionMatrix, LOSS, Scores};
use crate::task::{Example, Output, Prediction, Task};

/// A score and how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvaluatedScore {
    /// The metric's name.
    #[serde(skip)]
    pub metric: String,
    /// Its value; `None` if it is undefined.
    pub value: Option<f64>,
    /// The 95% confidence interval over examples.
    #[serde(flatten)]
    pub interval: Option<Interval95>,
}

/// The scores of a model on a split.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// In the order of the examples.
    pub predictions: Vec<Prediction>,
    /// Mean loss.
    pub loss: f64,
    /// The task's metrics, in its order.
    pub scores: Vec<EvaluatedScore>,
    /// For classes.
    pub confusion: Option<ConfusionMatrix>,
    /// For classes and labels.
    pub by_class: Option<Vec<ClassScores>>,
}

/// Scores outputs against the examples' targets.
///
/// # Errors
/// There are no examples, or one of them has no target.
pub fn evaluate(task: &Task, examples: &[Example], outputs: Vec<Output>) -> Result<Evaluated> {
    ensure!(!examples.is_empty(), "there are no examples to evaluate on");
    let mut predictions = Vec::with_capacity(examples.len());
    for (index, (example, output)) in examples.iter().zip(outputs).enumerate() {
        let target = example.target.clone();
        ensure!(
            target.is_some(),
            "example {index} has no label: without labels there is nothing to score; use `gluepot predict`"
        );
        predictions.extend(target.map(|target| Prediction { target, output }));
    }
    let Scores { loss, .. } = Scores::of(task, &predictions);
    let score = |metric: &crate::task::metrics::Metric| EvaluatedScore {
        metric: metric.name.into(),
        value: (metric.score)(task, &predictions),
        interval: bootstrap(task, *metric, &predictions),
    };
    Ok(Evaluated {
        loss,
        scores: task.metrics.iter().filter(|metric| metric.name != LOSS).map(score).collect(),
        confusion: ConfusionMatrix::of(&task.head, &predictions),
        by_class: ClassScores::of(&task.head, &predictions),
        predictions,
    })
}
