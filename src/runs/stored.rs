//! Runs on disk: listing them and finding one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use super::directory::files;
use super::{RunFacts, Summary};

/// A run as its directory tells it.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// The run directory.
    pub path: PathBuf,
    /// `run.json`.
    pub facts: RunFacts,
    /// `summary.json`; only a finished run has one.
    pub summary: Option<Summary>,
}

impl StoredRun {
    /// Reads a run directory.
    ///
    /// # Errors
    /// `run.json` is missing or damaged, or `summary.json` is damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let facts = read_json(&path.join(files::RUN))?;
        let summary = path.join(files::SUMMARY);
        let summary = if summary.exists() { Some(read_json(&summary)?) } else { None };
        Ok(Self { path: path.to_path_buf(), facts, summary })
    }

    /// The directory's name.
    #[must_use]
    pub fn directory_name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// Every run below `root`, the oldest first, and what could not be read.
///
/// # Errors
/// The folder cannot be read.
pub fn list(root: &Path) -> Result<(Vec<StoredRun>, Vec<anyhow::Error>)> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(error).with_context(|| format!("cannot read the folder for runs {}", root.display())),
    };
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join(files::RUN).is_file()).collect();
    paths.sort_unstable();
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        match StoredRun::read(&path) {
            Ok(run) => runs.push(run),
            Err(error) => unreadable.push(error),
        }
    }
    Ok((runs, unreadable))
}

/// The run that `name` means: a path, `latest`, or the beginning of one run's id or directory name.
///
/// # Errors
/// There is none, or there are several.
pub fn find(root: &Path, name: &str) -> Result<StoredRun> {
    let path = Path::new(name);
    if path.join(files::RUN).is_file() {
        return StoredRun::read(path);
    }
    let (mut runs, _) = list(root)?;
    if runs.is_empty() {
        bail!("there are no runs in the folder {}", root.display());
    }
    if name == "latest" {
        return runs.pop().context("there are no runs");
    }
    let begins = |run: &StoredRun| run.facts.id.starts_with(name) || run.directory_name().starts_with(name);
    let by_name = |run: &StoredRun| run.facts.name == name;
    let mut found: Vec<StoredRun> = runs.iter().filter(|run| begins(run)).cloned().collect();
    if found.is_empty() {
        found = runs.iter().filter(|run| by_name(run)).cloned().collect();
    }
    match found.len() {
        1 => found.pop().context("there is no such run"),
        0 => bail!("no run in {} begins with \"{name}\"; `gluepot list` shows them", root.display()),
        _ => {
            let names: Vec<String> = found.iter().map(StoredRun::directory_name).collect();
            bail!("\"{name}\" means {} runs: {}; write more of the name", names.len(), names.join(", "))
        }
    }
}
