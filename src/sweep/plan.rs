//! The frozen plan: every trial of a sweep, fully resolved, one a line.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::experiment::{Choice, Document};
use crate::runs::{SettingRow, shown};

/// A planned training: a line of `plan.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedTrial {
    /// Hash of what decides the outcome.
    pub id: String,
    /// Number of its variant, from 1.
    pub variant: usize,
    /// What makes the variant: values by dotted path.
    pub choices: BTreeMap<String, Json>,
    /// The seed.
    pub seed: u64,
    /// Steps in all.
    pub steps: u64,
    /// Examples learnt from in all, and scored.
    pub work: Work,
    /// Further steps after which the validation split is scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<u64>,
    /// Whether it decides at the rungs if its variant goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decides: bool,
    /// Every setting.
    pub settings: Vec<SettingRow>,
}

/// How much a trial has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Examples learnt from, repeated ones counted each time.
    pub learnt: u64,
    /// Examples scored, likewise.
    pub scored: u64,
}

impl PlannedTrial {
    /// What tells it from the others: `learning_rate 2e-5, seed 3`.
    #[must_use]
    pub fn label(&self) -> String {
        let mut words: Vec<String> = self.choices.iter().map(|(path, value)| format!("{path} {}", shown(Some(value)))).collect();
        words.push(format!("seed {}", self.seed));
        words.join(", ")
    }

    /// Its settings as an experiment reads them.
    #[must_use]
    pub fn document(&self) -> Document {
        let paths: Vec<String> = self.settings.iter().map(SettingRow::path).collect();
        let rows = self.settings.iter().zip(&paths);
        Document::planned(rows.filter_map(|(row, path)| Some((path.as_str(), row.value.as_ref()?, row.origin.as_str()))))
    }
}

/// The choices as values by path.
#[must_use]
pub fn values(choices: &[Choice]) -> BTreeMap<String, Json> {
    choices.iter().map(|choice| (choice.path.clone(), choice.value.clone())).collect()
}

/// Reads the lines of a plan.
///
/// # Errors
/// A line is damaged.
pub fn read(text: &str) -> anyhow::Result<Vec<PlannedTrial>> {
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| anyhow::anyhow!("line {} is damaged: {error}", number + 1))
    };
    text.lines().enumerate().map(line).collect()
}

/// The lines of a plan.
///
/// # Errors
/// A trial cannot be written as JSON.
pub fn write(trials: &[PlannedTrial]) -> anyhow::Result<String> {
    let lines: Result<Vec<String>, _> = trials.iter().map(serde_json::to_string).collect();
    Ok(lines?.join("\n") + "\n")
}

/// How an edited plan differs from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Trials that the old plan lacks.
    pub new: Vec<String>,
    /// Trials in both.
    pub kept: usize,
    /// Trials that the new plan lacks.
    pub gone: Vec<String>,
}

impl Changes {
    /// Compares two plans by the ids of their trials.
    #[must_use]
    pub fn between(old: &[PlannedTrial], new: &[PlannedTrial]) -> Self {
        let ids = |trials: &[PlannedTrial]| trials.iter().map(|trial| trial.id.clone()).collect::<BTreeSet<_>>();
        let (before, after) = (ids(old), ids(new));
        let labels = |trials: &[PlannedTrial], others: &BTreeSet<String>| {
            trials.iter().filter(|trial| !others.contains(&trial.id)).map(PlannedTrial::label).collect()
        };
        Self { new: labels(new, &before), kept: before.intersection(&after).count(), gone: labels(old, &after) }
    }

    /// Whether both plans have the same trials.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }
}
