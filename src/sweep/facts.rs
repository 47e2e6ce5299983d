//! `sweep.json`: what a sweep investigates.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ranking::RankingMetric;
use super::trial_maker::ExperimentTrials;
use crate::experiment::problem::Problems;
use crate::failure::{Failure, Outcome};
use crate::settings::{OnFailure, SettingProblem, Settings, TASK};

pub(super) const FACTS: &str = "sweep.json";
/// Since version 2, paths are relative to the directory.
pub const FORMAT: u32 = 2;

/// The content of `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepFacts {
    /// Version of this file's format.
    pub format_version: u32,
    /// The experiment's name.
    pub name: String,
    /// The experiment's file, relative to the sweep's directory if possible.
    pub file: PathBuf,
    /// The strategy's name, such as `grid`.
    pub strategy: String,
    pub varies: Vec<String>,
    /// The metric that ranks the variants; `None` if they are of several tasks, each with its own.
    #[serde(flatten)]
    pub ranked_by: Option<RankingMetric>,
    /// One variant in this many survives a rung, if the sweep prunes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<u32>,
    /// What to do after a trial fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// When the directory was created.
    pub created: DateTime<Utc>,
    /// The command line that last planned the sweep, word by word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command_line: Vec<String>,
    /// The working directory of that command.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub working_folder: String,
    /// Finished runs from elsewhere that are reused for trials, by trial id; relative to the sweep's directory if possible.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reused: BTreeMap<String, PathBuf>,
}

impl SweepFacts {
    /// Returns whether both ask the same question, possibly with other values or seeds. Without pruning, the metric only
    /// ranks the variants and may differ.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let varies = |facts: &Self| facts.varies.iter().cloned().collect::<HashSet<String>>();
        let metric = |facts: &Self| facts.factor.is_some().then(|| facts.ranked_by.clone());
        (&self.name, &self.strategy, self.factor) == (&other.name, &other.strategy, other.factor)
            && varies(self) == varies(other)
            && metric(self) == metric(other)
    }
}

impl ExperimentTrials<'_> {
    /// Returns the facts of a sweep, planned by this process. `settings` are those of its first trial, `others` those of a
    /// trial of each other task.
    ///
    /// # Errors
    /// A task does not have the metric that is to rank the variants.
    pub fn facts(&mut self, settings: &Settings, others: &[Settings], file: &Path) -> Outcome<SweepFacts> {
        let sweep = self.sweep().clone();
        let own = (!sweep.varies(TASK)).then_some(&settings.metric);
        let metric = sweep.metric.as_ref().or(own);
        let lacks = |settings: &Settings| {
            let task = settings.task.outline()?.scored_by(settings.metric.name());
            let metric = metric.filter(|metric| task.direction(metric.name()).is_none())?;
            let complaint = SettingProblem::new("sweep.metric", format!("{} is not scored by \"{}\"", task.name, metric.name()));
            Some(complaint.help(format!("it is scored by {}", task.metric_names().join(", "))))
        };
        if let Some(complaint) = [settings].into_iter().chain(others).find_map(lacks) {
            self.experiment().add_problems(vec![complaint]);
            return Err(Failure::Experiment(Problems(self.experiment().problems.clone())));
        }
        let ranked_by = metric.map(|name| RankingMetric { metric: name.name().into(), direction: name.direction() });
        Ok(SweepFacts {
            format_version: FORMAT,
            name: settings.name.clone(),
            file: file.canonicalize().unwrap_or_else(|_| file.to_path_buf()),
            strategy: sweep.strategy.name().into(),
            varies: sweep.paths().into_iter().map(String::from).collect(),
            ranked_by,
            factor: sweep.prune.as_ref().map(|prune| prune.factor.get()),
            on_failure: sweep.on_failure,
            created: Utc::now(),
            command_line: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            working_folder: std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
            reused: BTreeMap::new(),
        })
    }
}
