//! The scores of a fine-tuned model, as `gluepot evaluate` prints them.

use serde_json::{Map, Value as Json, json};

use super::{Column, Table};
use crate::inference::ModelEvaluation;
use crate::numbers::{counted, score};
use crate::task::metrics::ConfusionMatrix;
use crate::terminal::Width;

/// For programs.
#[must_use]
pub fn evaluation_json(evaluation: &ModelEvaluation) -> Json {
    let evaluated = &evaluation.evaluated;
    let metrics: Map<String, Json> = evaluated.scores.iter().map(|score| (score.metric.clone(), json!(score))).collect();
    json!({
        "checkpoint": evaluation.checkpoint.to_string(),
        "task": evaluation.task.name,
        "split": evaluation.data,
        "examples": evaluated.predictions.len(),
        "loss": evaluated.loss,
        "metrics": metrics,
        "by_label": evaluated.by_class,
        "confusion": evaluated.confusion,
    })
}

/// For people: every metric with its confidence interval, and the confusion matrix.
#[must_use]
pub fn evaluation_text(evaluation: &ModelEvaluation, width: Width) -> String {
    let evaluated = &evaluation.evaluated;
    let examples = counted(evaluated.predictions.len(), "example", "examples");
    let mut lines = vec![format!("{} on {} ({}), {examples}", evaluation.checkpoint, evaluation.task.name, evaluation.data)];
    let mut table = Table::new(vec![Column::words("metric"), Column::number("score"), Column::words("95% CI")]);
    for found in &evaluated.scores {
        let interval =
            found.interval.map_or(String::new(), |interval| format!("{} to {}", score(interval.low), score(interval.high)));
        table.row(vec![found.metric.clone(), found.value.map_or_else(|| "undefined".into(), score), interval]);
    }
    table.row(vec!["loss".into(), score(evaluated.loss), String::new()]);
    lines.push(table.text(width));
    lines.extend(evaluated.confusion.as_ref().map(|matrix| confusion_text(matrix, width)));
    lines.push("intervals: bootstrap over examples; they say nothing about other seeds (`gluepot compare` does)".into());
    lines.join("\n")
}

/// The most classes whose confusion is shown; with more, it is a page of zeros.
const MOST_CLASSES: usize = 12;

/// A confusion matrix as a table: a row for each true class, a column for each predicted one.
#[must_use]
pub fn confusion_text(matrix: &ConfusionMatrix, width: Width) -> String {
    if matrix.labels.len() > MOST_CLASSES {
        return format!("confusion matrix of {} classes: see --format json", matrix.labels.len());
    }
    let columns = matrix.labels.iter().map(Column::number);
    let mut table = Table::new([Column::words("true \\ predicted")].into_iter().chain(columns).collect());
    for (label, counts) in matrix.labels.iter().zip(&matrix.counts) {
        table.row([label.clone()].into_iter().chain(counts.iter().map(ToString::to_string)).collect());
    }
    table.text(width)
}
