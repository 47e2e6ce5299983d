//! Reasons why a score may be worth less than it looks.

use crate::numbers::{count as grouped, score};
use crate::runs::Summary;
use crate::task::metrics::{LOSS, Metric};
use crate::task::{Guess, Head, SplitLabels, Task, ValueStatistics};

/// Warns about splits in which all examples have the same label.
#[must_use]
pub fn label_warnings(labels: Option<&SplitLabels>, head: &Head) -> Vec<String> {
    let (Some(labels), names) = (labels, head.labels()) else { return Vec::new() };
    let mut warnings = Vec::new();
    if let Some(class) = labels.train.only() {
        let label = &names[class];
        warnings.push(format!("every training example used is labeled {label}: a model can only learn to predict that label"));
    }
    if let Some(class) = labels.validation.only() {
        let label = &names[class];
        warnings.push(format!(
            "every validation example used is labeled {label}: scores on them do not show whether a model tells the labels apart"
        ));
    }
    warnings
}

/// Formats the label counts of a split: `40 not_equivalent, 24 equivalent`.
#[must_use]
pub fn label_text(counts: &[usize], head: &Head) -> String {
    let named = counts.iter().zip(head.labels());
    named.map(|(count, label)| format!("{} {label}", grouped(*count as u64))).collect::<Vec<_>>().join(", ")
}

/// The weight of each label in the loss: `not_equivalent 1.5421, equivalent 0.7399`.
#[must_use]
pub fn weight_text(weights: &[f64], head: &Head) -> String {
    let named = weights.iter().zip(head.labels());
    named.map(|(weight, label)| format!("{label} {weight:.4}")).collect::<Vec<_>>().join(", ")
}

/// Formats the scores of predicting the same label for every validation example: `accuracy 0.6838, f1 0.8122 (equivalent)`.
#[must_use]
pub fn constant_text(labels: &SplitLabels, task: &Task) -> String {
    let of = |metric: &Metric| {
        let constant = labels.validation.constant(task, metric.name)?;
        let class = match constant.guess {
            Guess::Class(_) => format!(" ({})", constant.guess.name(&task.head)),
            _ => String::new(),
        };
        Some(format!("{} {}{class}", metric.name, score(constant.score)))
    };
    task.metrics.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// Formats the scores of predicting the same number for every validation example: `pearson undefined, loss 2.2476 (the mean, 2.3639)`.
#[must_use]
pub fn constant_value_text(values: &ValueStatistics, task: &Task) -> String {
    let of = |metric: &str| match values.constant(metric) {
        None => format!("{metric} undefined"),
        Some(constant) => {
            let number = match constant.guess {
                Guess::Mean(number) | Guess::Median(number) => format!(", {}", score(number)),
                Guess::Class(_) | Guess::Shares => String::new(),
            };
            format!("{metric} {} ({}{number})", score(constant.score), constant.guess.name(&task.head))
        }
    };
    task.metrics.iter().map(|metric| metric.name).chain([LOSS]).map(of).collect::<Vec<_>>().join(", ")
}

/// Returns reasons why the best score of a run says little, if there are any.
#[must_use]
pub fn remarks(summary: &Summary, task: &Task) -> Vec<String> {
    let mut remarks = label_warnings(summary.labels.as_ref(), &task.head);
    if summary.collapsed {
        remarks.push(
            "the best checkpoint predicts the same label for every example: it has not learned to tell the labels apart (yet)"
                .into(),
        );
    } else if let Some(remark) = no_better_than_constant(summary, task) {
        remarks.push(remark);
    }
    remarks
}

fn no_better_than_constant(summary: &Summary, task: &Task) -> Option<String> {
    let labels = summary.labels.as_ref().map(|labels| &labels.validation);
    let constant = match labels {
        Some(labels) => labels.constant(task, &summary.metric),
        None => summary.values.as_ref()?.constant(&summary.metric),
    }?;
    let best = *summary.best.scores.get(&summary.metric)?;
    if labels.is_some_and(|labels| labels.only().is_some()) || constant.is_beaten_by(best, summary.direction) {
        return None;
    }
    let (metric, best, reached) = (&summary.metric, score(best), score(constant.score));
    let guess = constant.guess.name(&task.head);
    Some(format!("the best {metric}, {best}, is no better than always predicting {guess} ({reached})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::glue;

    fn summary(metric: &str, score: f64, labels: &str, collapsed: bool) -> Summary {
        let moment = format!(r#"{{"step": 1, "epoch": 1.0, "scores": {{"{metric}": {score}}}, "collapsed": {collapsed}}}"#);
        let direction = if metric == LOSS { "minimize" } else { "maximize" };
        serde_json::from_str(&format!(
            r#"{{"format_version": 1, "task": "mrpc", "metric": "{metric}", "direction": "{direction}", "best": {moment},
                "final": {moment}, "collapsed": {collapsed}, "steps": 1, "examples": 1, "duration_seconds": 1.0,
                "training_seconds": 1.0, "examples_per_second": 1.0, "tokens_per_second": 1.0 {labels}}}"#
        ))
        .unwrap()
    }

    /// Always predicting equivalent on MRPC scores accuracy 0.6838 and f1 0.8122; the entropy of its labels is 0.6240.
    #[test]
    fn scores_that_guessing_reaches_are_remarked_on() {
        let mrpc = r#", "labels": {"train": [1194, 2474], "validation": [129, 279]}"#;
        let one = r#", "labels": {"train": [0, 16], "validation": [0, 10]}"#;
        let cases = [
            ("accuracy", 279.0 / 408.0, mrpc, false, 1),
            ("accuracy", 280.0 / 408.0, mrpc, false, 0),
            ("f1", 0.8122, mrpc, false, 1),
            ("f1", 0.8123, mrpc, false, 0),
            ("loss", 0.625, mrpc, false, 1),
            ("loss", 0.623, mrpc, false, 0),
            ("accuracy", 0.6838, mrpc, true, 1),
            // One label in both splits: a warning for each, and none about guessing.
            ("accuracy", 1.0, one, false, 2),
            // A run from before labels were counted.
            ("accuracy", 0.5, "", false, 0),
            ("accuracy", 0.5, "", true, 1),
        ];
        for (metric, score, labels, collapsed, expected) in cases {
            let task = glue::task("mrpc").unwrap();
            let remarks = remarks(&summary(metric, score, labels, collapsed), &task);
            assert_eq!(remarks.len(), expected, "{metric} {score} {labels}: {remarks:?}");
        }
    }

    #[test]
    fn errors_that_the_mean_reaches_are_remarked_on() {
        let task = glue::task("stsb").unwrap();
        let values = r#", "values": {"mean": 2.25, "variance": 2.5, "median": 2.0, "deviation": 1.25}"#;
        let of = |metric: &str, score: f64| remarks(&summary(metric, score, values, false), &task);
        assert_eq!(of(LOSS, 2.75), ["the best loss, 2.7500, is no better than always predicting the mean (2.5000)"]);
        assert_eq!((of(LOSS, 2.25).len(), of("pearson", -0.5).len()), (0, 0));
        let values = ValueStatistics { mean: 2.25, variance: 2.5, median: 2.0, deviation: 1.25 };
        assert_eq!(constant_value_text(&values, &task), "pearson undefined, spearman undefined, loss 2.5000 (the mean, 2.2500)");
    }
}
