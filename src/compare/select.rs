//! The runs that are meant, and their settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::runs::{self, FindError, StoredRun, files};
use crate::sweep::SweepDirectory;

/// A run and its settings by dotted path.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    /// The run.
    pub run: StoredRun,
    /// Settings that are on.
    pub settings: BTreeMap<String, Value>,
}

impl ComparedRun {
    /// Reads the settings of a run.
    ///
    /// # Errors
    /// `resolved.toml` cannot be read.
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
        Ok(Self { run, settings })
    }

    /// A score of the best checkpoint.
    #[must_use]
    pub fn score(&self, metric: &str) -> Option<f64> {
        self.run.summary.as_ref()?.best.scores.get(metric).copied()
    }

    /// A quantity that filters and sorting know: a setting, a score, or a fact of the run.
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

/// The runs that the arguments mean, each once: run directories, sweeps, folders of runs, globs of either, and what
/// [`runs::find`] understands; every run below `root` where there are no arguments.
///
/// # Errors
/// An argument means nothing, or a run cannot be read.
pub fn select(root: &Path, arguments: &[String]) -> Result<Vec<ComparedRun>, FindError> {
    let mut found: BTreeMap<PathBuf, StoredRun> = BTreeMap::new();
    let mut add = |runs: Vec<StoredRun>| {
        for run in runs {
            let key = run.path.canonicalize().unwrap_or_else(|_| run.path.clone());
            found.insert(key, run);
        }
    };
    if arguments.is_empty() {
        add(runs::list(root).map_err(FindError::Unreadable)?.0);
    }
    for argument in arguments {
        add(meant(root, argument)?);
    }
    if found.is_empty() {
        return Err(FindError::NotFound(format!("there are no runs in the folder {}", root.display())));
    }
    let mut runs: Vec<StoredRun> = found.into_values().collect();
    runs.sort_by_key(|run| run.facts.started);
    runs.into_iter().map(|run| ComparedRun::new(run).map_err(FindError::Unreadable)).collect()
}

fn meant(root: &Path, argument: &str) -> Result<Vec<StoredRun>, FindError> {
    let path = Path::new(argument);
    let is_run = |path: &Path| path.join(files::RUN).is_file();
    if let Some(sweep) = SweepDirectory::find(root, argument) {
        let runs = sweep.runs().map_err(FindError::Unreadable)?;
        let none = || FindError::NotFound(format!("the sweep {} has no runs yet", sweep.path().display()));
        return if runs.is_empty() { Err(none()) } else { Ok(runs) };
    }
    if path.is_dir() && !is_run(path) {
        let (runs, _) = runs::list(path).map_err(FindError::Unreadable)?;
        return if runs.is_empty() { Err(FindError::NotFound(format!("there are no runs in {argument}"))) } else { Ok(runs) };
    }
    if argument.contains(['*', '?', '[']) {
        let paths =
            glob::glob(argument).map_err(|error| FindError::NotFound(format!("\"{argument}\" is no pattern: {error}")))?;
        let mut runs = Vec::new();
        for path in paths.flatten() {
            if is_run(&path) {
                runs.push(StoredRun::read(&path).map_err(FindError::Unreadable)?);
            } else if path.is_dir() {
                runs.extend(runs::list(&path).map_err(FindError::Unreadable)?.0);
            }
        }
        return if runs.is_empty() { Err(FindError::NotFound(format!("no run matches {argument}"))) } else { Ok(runs) };
    }
    // An experiment's name means all of its runs here.
    let (all, _) = runs::list(root).map_err(FindError::Unreadable)?;
    let named: Vec<StoredRun> = all.into_iter().filter(|run| run.facts.name == argument).collect();
    if named.is_empty() { runs::find(root, argument).map(|run| vec![run]) } else { Ok(named) }
}
