//! Selection of runs by command-line arguments, and their settings.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::note::few;
use crate::numbers::counted;
use crate::runs::{self, FindError, StoredRun, deciding, files};
use crate::settings::properties;
use crate::sweep::{Inventory, SweepDirectory};

/// A run and its settings by dotted path.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    pub run: StoredRun,
    pub settings: BTreeMap<String, Value>,
    /// What decides its scores: settings with an effect, with the content of files in place of their names.
    pub deciding: BTreeMap<String, Value>,
}

/// The selected runs, and what is missing among them.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// The runs, oldest first.
    pub runs: Vec<ComparedRun>,
    /// What was selected but is missing or cannot be read.
    pub left_out: Vec<LeftOut>,
}

/// A selected run, or several of a sweep, that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftOut {
    /// Directory of the run or the sweep.
    pub path: PathBuf,
    /// Why it cannot be compared.
    pub reason: Reason,
    /// Number of runs.
    pub count: usize,
    /// Details in words.
    pub message: String,
}

/// Why a run cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its files cannot be read.
    Damaged,
    /// A sweep reuses it from elsewhere, and it is no longer there.
    Moved,
    /// A sweep has not started it yet.
    NotRun,
}

impl Selected {
    /// Describes what is left out, in sentences.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let of = |reason: Reason| self.left_out.iter().filter(move |left_out| left_out.reason == reason);
        let words = |reason| few(&of(reason).map(|left_out| left_out.message.clone()).collect::<Vec<_>>());
        let count = |reason| of(reason).map(|left_out| left_out.count).sum::<usize>();
        let sentence = |reason: Reason, one: &str, more: &str| {
            (count(reason) > 0).then(|| format!("{}: {}.", counted(count(reason), one, more), words(reason)))
        };
        [
            sentence(Reason::Damaged, "run cannot be read and is left out", "runs cannot be read and are left out"),
            sentence(
                Reason::Moved,
                "run that a sweep reuses is not where it was and is left out",
                "runs that a sweep reuses are not where they were and are left out",
            ),
            sentence(Reason::NotRun, "planned trial has not run yet", "planned trials have not run yet"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn damaged(&mut self, path: &Path, error: &anyhow::Error) {
        let message = format!("{error:#}");
        self.left_out.push(LeftOut { path: path.to_path_buf(), reason: Reason::Damaged, count: 1, message });
    }
}

impl ComparedRun {
    /// Reads the settings of a run.
    pub fn new(run: StoredRun) -> Result<Self> {
        let path = run.path.join(files::RESOLVED);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let table: toml::Table = toml::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
        let mut settings = BTreeMap::new();
        for (key, value) in table {
            match value {
                toml::Value::Table(inner) => {
                    for (inner, value) in inner {
                        settings.insert(format!("{key}.{inner}"), serde_json::to_value(value)?);
                    }
                }
                value => {
                    settings.insert(key, serde_json::to_value(value)?);
                }
            }
        }
        properties().complete(&mut settings);
        let deciding = deciding(&settings, &run.facts);
        Ok(Self { run, settings, deciding })
    }

    /// Returns a score of the best checkpoint.
    #[must_use]
    pub fn score(&self, metric: &str) -> Option<f64> {
        self.run.summary.as_ref()?.best.scores.get(metric).copied()
    }

    /// Returns the names that [`Self::quantity`] knows.
    pub fn quantities(&self) -> impl Iterator<Item = &str> {
        let scores = self.run.summary.iter().flat_map(|summary| summary.best.scores.keys());
        let facts = ["status", "id", "task", "collapsed", "duration_seconds", "examples_per_second"];
        facts.into_iter().chain(self.settings.keys().map(String::as_str)).chain(scores.map(String::as_str))
    }

    /// Returns a quantity to filter or sort by: a setting, a score, or a fact about the run.
    #[must_use]
    pub fn quantity(&self, name: &str) -> Option<Value> {
        let summary = self.run.summary.as_ref();
        let fact = match name {
            "status" => Some(self.run.status().name().into()),
            "id" => Some(self.run.facts.id.clone().into()),
            "task" => Some(self.run.facts.task.clone().into()),
            "collapsed" => summary.map(|summary| summary.collapsed.into()),
            "duration_seconds" => summary.map(|summary| summary.duration_seconds.into()),
            "examples_per_second" => summary.map(|summary| summary.examples_per_second.into()),
            _ => None,
        };
        fact.or_else(|| self.settings.get(name).cloned()).or_else(|| self.score(name).map(Value::from))
    }
}

/// Returns the runs that the arguments select, each once: run directories, sweeps, folders of runs, globs of either, and
/// what [`runs::find`] understands; every run below `root` if there are no arguments.
///
/// # Errors
/// An argument matches nothing, or a run that it names cannot be read.
pub fn select(root: &Path, arguments: &[String]) -> Result<Vec<ComparedRun>, FindError> {
    select_all(root, arguments).map(|selected| selected.runs)
}

/// Returns the same, with what is missing or cannot be read among several runs.
///
/// # Errors
/// An argument matches nothing, or a run that it names cannot be read.
pub fn select_all(root: &Path, arguments: &[String]) -> Result<Selected, FindError> {
    let mut meant = SelectionBuilder::default();
    if arguments.is_empty() {
        meant.folder(root)?;
    }
    for argument in arguments {
        meant.argument(root, argument)?;
    }
    let SelectionBuilder { runs, mut selected, .. } = meant;
    let mut runs: Vec<StoredRun> = runs.into_values().collect();
    runs.sort_by_key(|run| run.facts.started);
    for run in runs {
        let path = run.path.clone();
        match ComparedRun::new(run) {
            Ok(run) => selected.runs.push(run),
            Err(error) if arguments.len() == 1 && Path::new(&arguments[0]) == path => return Err(FindError::Unreadable(error)),
            Err(error) => selected.damaged(&path, &error),
        }
    }
    selected.left_out.sort();
    selected.left_out.dedup();
    if selected.runs.is_empty() {
        let none = format!("there are no runs in the folder {}", root.display());
        let none = selected.sentences().into_iter().fold(none, |text, sentence| format!("{text}; {sentence}"));
        return Err(FindError::NotFound(none));
    }
    Ok(selected)
}

/// Collects runs, each once.
#[derive(Default)]
struct SelectionBuilder {
    runs: BTreeMap<PathBuf, StoredRun>,
    selected: Selected,
}

impl SelectionBuilder {
    fn add(&mut self, runs: Vec<StoredRun>) {
        for run in runs {
            let key = run.path.canonicalize().unwrap_or_else(|_| run.path.clone());
            self.runs.insert(key, run);
        }
    }

    /// Adds the runs of a folder and of the sweeps in it; returns how many there are.
    fn folder(&mut self, path: &Path) -> Result<usize, FindError> {
        let (runs, unreadable) = runs::list(path).map_err(FindError::Unreadable)?;
        for error in &unreadable {
            self.selected.damaged(path, error);
        }
        let count = runs.len() + unreadable.len();
        self.add(runs);
        Ok(count)
    }

    /// Adds the runs of a sweep's plan, and records what is missing.
    fn sweep(&mut self, sweep: &SweepDirectory) -> Result<(), FindError> {
        let Inventory { runs, unreadable, lost } = sweep.inventory().map_err(FindError::Unreadable)?;
        for error in &unreadable {
            self.selected.damaged(sweep.path(), error);
        }
        if runs.is_empty() {
            return Err(FindError::NotFound(format!("the sweep {} has no runs yet", sweep.path().display())));
        }
        let trials = sweep.trials().map_err(FindError::Unreadable)?;
        let begun: HashSet<&str> = runs.iter().map(|run| run.facts.trial.as_str()).collect();
        let waiting = trials.iter().filter(|trial| !begun.contains(trial.id.as_str()) && !lost.contains_key(&trial.id)).count();
        for path in lost.into_values() {
            let message = path.display().to_string();
            self.selected.left_out.push(LeftOut { path, reason: Reason::Moved, count: 1, message });
        }
        if waiting > 0 {
            let path = sweep.path().to_path_buf();
            let message = format!("of {} in the sweep {}", trials.len(), path.display());
            self.selected.left_out.push(LeftOut { path, reason: Reason::NotRun, count: waiting, message });
        }
        self.add(runs);
        Ok(())
    }

    fn argument(&mut self, root: &Path, argument: &str) -> Result<(), FindError> {
        let path = Path::new(argument);
        let is_run = |path: &Path| path.join(files::RUN).is_file();
        if let Some(sweep) = SweepDirectory::find(root, argument) {
            return self.sweep(&sweep);
        }
        if path.is_dir() && !is_run(path) {
            let found = self.folder(path)?;
            return if found == 0 { Err(FindError::NotFound(format!("there are no runs in {argument}"))) } else { Ok(()) };
        }
        if argument.contains(['*', '?', '[']) {
            return self.pattern(argument);
        }
        // Here, an experiment's name selects all of its runs.
        let (all, _) = runs::list(root).map_err(FindError::Unreadable)?;
        let named: Vec<StoredRun> = all.into_iter().filter(|run| run.facts.name == argument).collect();
        self.add(if named.is_empty() { vec![runs::find(root, argument)?] } else { named });
        Ok(())
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), FindError> {
        let paths =
            glob::glob(pattern).map_err(|error| FindError::NotFound(format!("\"{pattern}\" is not a valid pattern: {error}")))?;
        let mut found = 0;
        for path in paths.flatten() {
            if path.join(files::RUN).is_file() {
                found += 1;
                match StoredRun::read(&path) {
                    Ok(run) => self.add(vec![run]),
                    Err(error) => self.selected.damaged(&path, &error),
                }
            } else if path.is_dir() {
                found += self.folder(&path)?;
            }
        }
        if found == 0 { Err(FindError::NotFound(format!("no run matches {pattern}"))) } else { Ok(()) }
    }
}
