//! Run directories.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::machine::claim::{Claim, PATIENCE};
use crate::machine::digest::hex;
use crate::machine::durable;

/// Names of the files and folders in a run directory.
pub mod files {
    /// The experiment file as written.
    pub const EXPERIMENT: &str = "experiment.toml";
    /// Every setting, with its origin.
    pub const RESOLVED: &str = "resolved.toml";
    /// Provenance and outcome: command, host, hashes, status.
    pub const RUN: &str = "run.json";
    /// One row per logging interval.
    pub const TRAIN: &str = "metrics/train.csv";
    /// Times and throughput, separate from the values that depend on the seed alone.
    pub const SPEED: &str = "metrics/speed.csv";
    /// One row per evaluation.
    pub const EVAL: &str = "metrics/eval.csv";
    /// Predictions of the best checkpoint.
    pub const PREDICTIONS: &str = "predictions/validation.csv";
    /// Checkpoints, and the pointer files for the best and the last one.
    pub const CHECKPOINTS: &str = "checkpoints";
    /// Pointer to the checkpoint with the best score.
    pub const BEST: &str = "checkpoints/best";
    /// Pointer to the newest checkpoint.
    pub const LAST: &str = "checkpoints/last";
    /// Scores and throughput; only finished runs have it.
    pub const SUMMARY: &str = "summary.json";
    /// Every trial of a sweep; only in a sweep's directory, which contains its runs.
    pub const PLAN: &str = "plan.jsonl";
    /// Size and SHA-256 of every file that the run wrote.
    pub const MANIFEST: &str = crate::machine::durable::MANIFEST;
    /// Description of a sweep.
    pub const SWEEP: &str = "sweep.json";
    /// The log output.
    pub const LOG: &str = "log.txt";
    /// States that the run can be resumed from.
    pub const STATES: &str = "states";
    /// Locked by the process that trains.
    pub const LOCK: &str = "lock";
    /// Time and step of the last sign of life.
    pub const HEARTBEAT: &str = "heartbeat";
}

/// A few hexadecimal digits that distinguish runs started in the same second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// Derives an id from the time and the process id; two runs share an id only with a probability of 1 in 16 million.
    #[must_use]
    pub fn new(started: DateTime<Utc>, process: u32) -> Self {
        let nanoseconds = started.timestamp_nanos_opt().unwrap_or_default();
        let digest = Sha256::digest(format!("{nanoseconds} {process}"));
        Self(hex(&digest[..3]))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An existing directory that belongs to one run.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Creates `root/<stamp>_<name>_<id>/` and its folders.
    pub fn create(root: &Path, started: DateTime<Utc>, name: &str, id: &RunId) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("cannot make the folder for runs {}", root.display()))?;
        let path = root.join(format!("{}_{}_{id}", started.format("%Y-%m-%dT%H-%M-%SZ"), file_name(name)));
        match fs::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("the run directory {} exists already", path.display())
            }
            Err(error) => return Err(error).with_context(|| format!("cannot make the run directory {}", path.display())),
        }
        let directory = Self { path };
        for folder in ["metrics", "predictions", files::CHECKPOINTS] {
            fs::create_dir(directory.path(folder))
                .with_context(|| format!("cannot make {}", directory.path(folder).display()))?;
        }
        Ok(directory)
    }

    /// An existing run directory.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The path of the directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Claims the run for this process; `None` if another process holds it.
    pub fn claim(&self) -> Result<Option<Claim>> {
        Claim::take(&self.path(files::LOCK), PATIENCE)
    }

    /// Briefly locks other processes out of the run, without claiming it.
    pub fn keep_out(&self) -> Result<Option<Claim>> {
        Claim::take_unmarked(&self.path(files::LOCK), PATIENCE)
    }

    /// Writes a file atomically.
    ///
    /// # Errors
    /// The disk is full or the folder cannot be written; the previous version of the file stays intact.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        durable::write_file(&self.path(name), content)
    }
}

/// A name valid on every file system: other characters become `-`, and at most 60 are kept.
#[must_use]
pub fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' };
    name.chars().map(plain).take(60).collect()
}
