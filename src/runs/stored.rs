//! Listing and finding runs on disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::de::DeserializeOwned;

use super::directory::{RunDirectory, files};
use super::{RunFacts, Status, Summary};
use crate::machine::claim::{Claim, host_name};

/// A run as read from its directory.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// The run directory.
    pub path: PathBuf,
    /// `run.json`.
    pub facts: RunFacts,
    /// `summary.json`; only finished runs have it.
    pub summary: Option<Summary>,
}

impl StoredRun {
    /// Reads a run directory.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let mut facts: RunFacts = read_json(&path.join(files::RUN))?;
        facts.complete();
        let summary = path.join(files::SUMMARY);
        let summary = if summary.exists() { Some(read_json(&summary)?) } else { None };
        Ok(Self { path: path.to_path_buf(), facts, summary })
    }

    /// The actual status: `died` if the run is recorded as `running` but its process is gone.
    ///
    /// On its own machine, the lock shows whether the process is alive; elsewhere, a stale heartbeat means it is gone.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.facts.status == Status::Running && !self.is_alive() { Status::Died } else { self.facts.status }
    }

    /// Like `status`, for a run whose lock this process holds.
    #[must_use]
    pub fn status_under_lock(&self) -> Status {
        let is_here = self.facts.host.name == host_name();
        if self.facts.status == Status::Running && is_here { Status::Died } else { self.status() }
    }

    fn is_alive(&self) -> bool {
        let directory = RunDirectory::at(self.path.clone());
        Claim::is_alive(&directory.path(files::LOCK), &directory.path(files::HEARTBEAT), &self.facts.host.name)
    }

    /// The last non-empty line of the run's log.
    #[must_use]
    pub fn last_words(&self) -> Option<String> {
        let log = fs::read_to_string(self.path.join(files::LOG)).ok()?;
        log.lines().rev().find(|line| !line.trim().is_empty()).map(String::from)
    }

    /// Steps taken, according to the summary or `train.csv`.
    #[must_use]
    pub fn steps_taken(&self) -> u64 {
        let last_row = || {
            let text = fs::read_to_string(self.path.join(files::TRAIN)).ok()?;
            text.lines().last()?.split(',').next()?.parse().ok()
        };
        self.summary.as_ref().map_or_else(|| last_row().unwrap_or(0), |summary| summary.steps)
    }

    /// Whether this is its id, the name of its directory, or that of its experiment.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.facts.id == name || self.directory_name() == name || self.facts.name == name
    }

    /// The name of the run directory.
    #[must_use]
    pub fn directory_name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// Lists every run in `root` and in its sweeps, oldest first, along with the errors for unreadable ones.
pub fn list(root: &Path) -> anyhow::Result<(Vec<StoredRun>, Vec<anyhow::Error>)> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(error).with_context(|| format!("cannot read the folder for runs {}", root.display())),
    };
    // A run without its `run.json` is damaged, not gone.
    let is_run = |path: &PathBuf| path.join(files::RUN).is_file() || path.join(files::TRAIN).is_file();
    let is_sweep = |path: &Path| path.join(files::PLAN).is_file() || path.join(files::SWEEP).is_file();
    let mut paths = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if is_run(&path) {
            paths.push(path);
        } else if is_sweep(&path) {
            let inside = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
            paths.extend(inside.filter(is_run));
        }
    }
    paths.sort_unstable();
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        match StoredRun::read(&path) {
            Ok(run) => runs.push(run),
            Err(error) => unreadable.push(error),
        }
    }
    runs.sort_by_key(|run| run.facts.started);
    Ok((runs, unreadable))
}

/// Why a run was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No run matches, or several do.
    #[error("{0}")]
    NotFound(String),
    /// The run or the folder cannot be read.
    #[error("{0:#}")]
    Unreadable(anyhow::Error),
}

/// Maximum number of runs listed in an error message.
const LISTED: usize = 10;

/// Finds the run that `name` identifies: a path, `latest`, or a unique prefix of its id, directory name or experiment name. An
/// exact id, directory name or experiment name takes precedence over its prefixes.
pub fn find(root: &Path, name: &str) -> Result<StoredRun, FindError> {
    let path = Path::new(name);
    if path.join(files::RUN).is_file() {
        return StoredRun::read(path).map_err(FindError::Unreadable);
    }
    let (runs, unreadable) = list(root).map_err(FindError::Unreadable)?;
    let Some(last) = runs.last() else {
        return Err(match unreadable.into_iter().next() {
            Some(error) => FindError::Unreadable(error),
            None => FindError::NotFound(format!("there are no runs in the folder {}", root.display())),
        });
    };
    if name == "latest" {
        return Ok(last.clone());
    }
    let is_whole = |run: &&StoredRun| run.facts.id == name || run.directory_name() == name;
    let begins = |run: &&StoredRun| run.facts.id.starts_with(name) || run.directory_name().starts_with(name);
    let is_named = |run: &&StoredRun| run.facts.name == name;
    let begins_named = |run: &&StoredRun| run.facts.name.starts_with(name);
    let meant = |is: &dyn Fn(&&StoredRun) -> bool| runs.iter().filter(is).collect::<Vec<&StoredRun>>();
    let ways: [&dyn Fn(&&StoredRun) -> bool; 4] = [&is_whole, &is_named, &begins, &begins_named];
    let meant = ways.into_iter().map(meant).find(|meant| !name.is_empty() && !meant.is_empty()).unwrap_or_default();
    match meant.as_slice() {
        [run] => Ok((*run).clone()),
        [] => Err(FindError::NotFound(format!("no run in {} matches \"{name}\"; `gluepot list` shows them", root.display()))),
        several => {
            let names: Vec<String> = several.iter().rev().take(LISTED).map(|run| run.directory_name()).collect();
            let more = several.len().checked_sub(LISTED).filter(|more| *more > 0);
            Err(FindError::NotFound(format!(
                "\"{name}\" matches {} runs: {}{}; use an id, the last part of such a name",
                several.len(),
                names.join(", "),
                more.map_or(String::new(), |more| format!(" and {more} more"))
            )))
        }
    }
}
