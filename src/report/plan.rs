//! The plan of a trial, as `check` prints it.

use super::{Column, Table, constant_text, constant_value_text, label_text, label_warnings, weight_text};
use crate::inputs::TrialInputs;
use crate::numbers::count;
use crate::plan::SettingRow;
use crate::task::{RepositoryCommit, SplitLabels, ValueStatistics};
use crate::terminal::Width;

/// Formats every setting with its origin, followed by what results from them.
#[must_use]
pub fn plan_text(inputs: &TrialInputs, rows: &[SettingRow], width: Width) -> String {
    let trial = &inputs.trial;
    let mut settings = Table::new(vec![Column::words("setting"), Column::path("value"), Column::path("origin")]);
    for row in rows {
        settings.row(vec![row.path(), row.toml().unwrap_or_else(|| "none".into()), row.origin.clone()]);
    }
    let steps = trial.steps;
    let (task, counts) = (&trial.task, inputs.labels());
    let labels = |counts: &SplitLabels| {
        let [train, validation] = [&counts.train, &counts.validation].map(|split| label_text(split.counts(), &task.head));
        format!("train {train}; validation {validation}")
    };
    let guessing = |counts: &SplitLabels| format!("always predicting one label scores {}", constant_text(counts, task));
    let guessing_values =
        |values: ValueStatistics| format!("always predicting one number scores {}", constant_value_text(&values, task));
    let facts = [
        ("train", format!("{} examples, {}", count(trial.train_examples as u64), inputs.loaded.source.train.shown())),
        (
            "validation",
            format!("{} examples, {}", count(trial.validation_examples as u64), inputs.loaded.source.validation.shown()),
        ),
        ("commit", commits(inputs).join(", ")),
        ("labels", counts.as_ref().map_or_else(String::new, labels)),
        ("weights", trial.loss.class_weights().map_or_else(String::new, |weights| weight_text(weights, &task.head))),
        ("guessing", counts.as_ref().map(guessing).or_else(|| inputs.values().map(guessing_values)).unwrap_or_default()),
        ("parameters", format!("{} ({})", count(trial.parameter_count() as u64), trial.architecture.description())),
        ("steps", format!("{} in total, {} per epoch", count(steps.total), count(steps.per_epoch))),
        ("warmup", format!("{} steps", count(steps.warmup))),
        (
            "evaluation",
            format!("every {} steps and after the last", count(steps.between_evaluations(trial.settings.evaluation.every))),
        ),
    ];
    let facts: Vec<String> =
        facts.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name:<11} {value}")).collect();
    let warnings = label_warnings(counts.as_ref(), &task.head)
        .into_iter()
        .chain(inputs.loaded.data_remarks().to_vec())
        .map(|warning| format!("warning: {warning}"));
    let lines: Vec<String> = facts.into_iter().chain(warnings).collect();
    format!("{}\n\n{}", settings.text(width), lines.join("\n"))
}

/// Returns the commits that data of the hub comes from: `owner/name@commit`.
pub(super) fn commits(inputs: &TrialInputs) -> Vec<String> {
    let named = |one: &RepositoryCommit| format!("{}@{}", one.repository, one.commit.as_str());
    inputs.loaded.source.commits.iter().map(named).collect()
}
