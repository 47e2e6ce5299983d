//! A run's own directory.

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
    /// The experiment as written.
    pub const EXPERIMENT: &str = "experiment.toml";
    /// Every setting, with its origin.
    pub const RESOLVED: &str = "resolved.toml";
    /// What ran where, on what, and how it ended.
    pub const RUN: &str = "run.json";
    /// One row a logging interval.
    pub const TRAIN: &str = "metrics/train.csv";
    /// Times and throughput, apart from what depends on the seed alone.
    pub const SPEED: &str = "metrics/speed.csv";
    /// One row an evaluation.
    pub const EVAL: &str = "metrics/eval.csv";
    /// At the best checkpoint.
    pub const PREDICTIONS: &str = "predictions/validation.csv";
    /// Checkpoints, and the files that name the best and the last.
    pub const CHECKPOINTS: &str = "checkpoints";
    /// Names the checkpoint with the best score.
    pub const BEST: &str = "checkpoints/best";
    /// Names the newest checkpoint.
    pub const LAST: &str = "checkpoints/last";
    /// Scores and throughput; only a finished run has one.
    pub const SUMMARY: &str = "summary.json";
    /// Every trial of a sweep; only a sweep's directory has one, and runs below it.
    pub const PLAN: &str = "plan.jsonl";
    /// Size and SHA-256 of every file that the run wrote.
    pub const MANIFEST: &str = crate::machine::durable::MANIFEST;
    /// What a sweep is about.
    pub const SWEEP: &str = "sweep.json";
    /// What was said.
    pub const LOG: &str = "log.txt";
    /// What the run can go on from.
    pub const STATES: &str = "states";
    /// Locked by the process that trains.
    pub const LOCK: &str = "lock";
    /// When the run was last seen alive, and at which step.
    pub const HEARTBEAT: &str = "heartbeat";
}

/// A few hexadecimal digits that tell runs of one second apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// From the time and the process: two runs share an id only by a chance of one in 16 million.
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

/// A directory that exists and belongs to one run.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes `root/<stamp>_<name>_<id>/` and its folders.
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

    /// A directory that exists.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Claims the run for this process; none if another one has it.
    pub fn claim(&self) -> Result<Option<Claim>> {
        Claim::take(&self.path(files::LOCK), PATIENCE)
    }

    /// Keeps other processes out of the run for a moment, without claiming it.
    pub fn keep_out(&self) -> Result<Option<Claim>> {
        Claim::take_unmarked(&self.path(files::LOCK), PATIENCE)
    }

    /// Writes a file whole.
    ///
    /// # Errors
    /// The disk is full or the folder cannot be written; an older version of the file stays as it was.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        durable::write_file(&self.path(name), content)
    }
}

/// A name that every file system takes: other characters become `-`, and no more than 60 are kept.
#[must_use]
pub fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' };
    name.chars().map(plain).take(60).collect()
}
