//! A sweep on disk: its plan, and what has become of its trials.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ladder::Ladder;
use super::plan::{self, Changes, PlannedTrial};
use super::queue::State;
use crate::metrics::Direction;
use crate::runs::{self, RunDirectory, Status, StoredRun, files};
use crate::tokens::TokenCache;

const FACTS: &str = "sweep.json";

/// The content of `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepFacts {
    /// Version of this file's format.
    pub format_version: u32,
    /// The experiment's name.
    pub name: String,
    /// The experiment's file.
    pub file: PathBuf,
    /// `grid` or `random`.
    pub strategy: String,
    /// What varies.
    pub varies: Vec<String>,
    /// The metric that ranks the variants.
    pub metric: String,
    /// Which of its scores is better.
    pub direction: Direction,
    /// One in so many goes on at a rung, where the sweep prunes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<u32>,
    /// When the directory was made.
    pub created: DateTime<Utc>,
    /// Finished runs from elsewhere that stand for trials, by the trial's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reused: BTreeMap<String, PathBuf>,
}

impl SweepFacts {
    /// Whether both are the same question, perhaps with other values or seeds.
    fn asks_the_same(&self, other: &Self) -> bool {
        (&self.name, &self.file, &self.strategy, &self.varies) == (&other.name, &other.file, &other.strategy, &other.varies)
    }
}

/// A sweep's directory.
#[derive(Clone, Debug)]
pub struct SweepDirectory {
    directory: RunDirectory,
}

/// A sweep's directory, and what the plan in it has to do with the one asked for.
#[derive(Debug)]
pub struct Found {
    /// The directory, which holds the plan asked for.
    pub directory: SweepDirectory,
    /// None for a new sweep; else how the plan was changed.
    pub changes: Option<Changes>,
}

/// Whether a folder is a sweep's.
#[must_use]
pub fn is_sweep(path: &Path) -> bool {
    path.join(files::PLAN).is_file() && path.join(FACTS).is_file()
}

impl SweepDirectory {
    /// The sweep that a name means: a path, or the beginning of one directory's name below `root`.
    #[must_use]
    pub fn find(root: &Path, name: &str) -> Option<Self> {
        if let Ok(sweep) = Self::open(Path::new(name)) {
            return Some(sweep);
        }
        let begins = |path: &PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
        let entries = fs::read_dir(root).ok()?.flatten().map(|entry| entry.path());
        let mut meant = entries.filter(|path| !name.is_empty() && begins(path) && is_sweep(path));
        let first = meant.next().filter(|_| meant.next().is_none())?;
        Self::open(&first).ok()
    }

    /// Opens a sweep.
    ///
    /// # Errors
    /// There is none.
    pub fn open(path: &Path) -> Result<Self> {
        if !is_sweep(path) {
            bail!("{} is no sweep", path.display());
        }
        Ok(Self { directory: RunDirectory::at(path.to_path_buf()) })
    }

    /// The newest sweep below `root` that asks the same, brought up to date, or a new one.
    ///
    /// # Errors
    /// Directories cannot be read or written, or another process changes the plan while trials run.
    pub fn find_or_create(
        root: &Path,
        facts: &SweepFacts,
        trials: &[PlannedTrial],
        copies: &[(String, String)],
        fresh: bool,
    ) -> Result<Found> {
        fs::create_dir_all(root).with_context(|| format!("cannot make the folder for runs {}", root.display()))?;
        // Of two processes that begin at once, the second finds what the first has made.
        let gate = root.join(".sweeps.lock");
        let gate = File::create(&gate).with_context(|| format!("cannot write {}", gate.display()))?;
        gate.lock().context("cannot wait for other sweeps")?;
        let known = if fresh { None } else { Self::newest(root, facts)? };
        let Some(directory) = known else {
            let path =
                root.join(format!("{}_{}_sweep", facts.created.format("%Y-%m-%dT%H-%M-%SZ"), runs::file_name(&facts.name)));
            if path.exists() {
                bail!("the sweep {} was made in this very second", path.display());
            }
            let directory = Self { directory: RunDirectory::at(path) };
            for folder in ["locks", "logs"] {
                fs::create_dir_all(directory.path().join(folder))?;
            }
            directory.write(facts, trials, copies)?;
            return Ok(Found { directory, changes: None });
        };
        let changes = Changes::between(&directory.trials()?, trials);
        let mut kept = directory.facts()?;
        let same_manner = (&kept.metric, kept.factor) == (&facts.metric, facts.factor);
        if !changes.is_none() || !same_manner {
            kept = SweepFacts { created: kept.created, reused: kept.reused, ..facts.clone() };
            directory.write(&kept, trials, copies)?;
        }
        Ok(Found { directory, changes: Some(changes) })
    }

    fn newest(root: &Path, facts: &SweepFacts) -> Result<Option<Self>> {
        let entries = fs::read_dir(root).with_context(|| format!("cannot read the folder for runs {}", root.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_sweep(path)).collect();
        paths.sort_unstable();
        let open = paths.iter().rev().filter_map(|path| Self::open(path).ok());
        Ok(open.into_iter().find(|sweep| sweep.facts().is_ok_and(|known| known.asks_the_same(facts))))
    }

    fn write(&self, facts: &SweepFacts, trials: &[PlannedTrial], copies: &[(String, String)]) -> Result<()> {
        for (name, content) in copies {
            self.directory.write(name, content.as_bytes())?;
        }
        self.write_facts(facts)?;
        // The plan comes last: with it, the directory is a sweep.
        self.directory.write(files::PLAN, plan::write(trials)?.as_bytes())
    }

    /// Writes `sweep.json`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_facts(&self, facts: &SweepFacts) -> Result<()> {
        self.directory.write(FACTS, &serde_json::to_vec_pretty(facts)?)
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.root()
    }

    /// `sweep.json`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn facts(&self) -> Result<SweepFacts> {
        let path = self.directory.path(FACTS);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// The plan.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn trials(&self) -> Result<Vec<PlannedTrial>> {
        let path = self.directory.path(files::PLAN);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        plan::read(&text).with_context(|| path.display().to_string())
    }

    /// Where encoded splits are kept.
    #[must_use]
    pub fn tokens(&self) -> TokenCache {
        TokenCache::at(self.directory.path("tokens"))
    }

    /// The scores at the rungs.
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        Ladder::at(self.directory.path("rungs.jsonl"))
    }

    /// What a trial's process said outside of its run's log.
    #[must_use]
    pub fn log(&self, trial: &str) -> PathBuf {
        self.directory.path(&format!("logs/{trial}.txt"))
    }

    /// Takes a trial for this process, until the file is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// The lock cannot be written.
    pub fn take(&self, trial: &str, patience: Duration) -> Result<Option<File>> {
        let path = self.directory.path(&format!("locks/{trial}"));
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => std::thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("cannot lock {}", path.display())),
            }
        }
    }

    fn is_taken(&self, trial: &str) -> bool {
        let open = File::open(self.directory.path(&format!("locks/{trial}")));
        // A shared look lets others look at the same time.
        open.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Every run of this sweep's plan, those from elsewhere included, the oldest first.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn runs(&self) -> Result<Vec<StoredRun>> {
        let ids: Vec<String> = self.trials()?.into_iter().map(|trial| trial.id).collect();
        let (mut found, _) = runs::list(self.path())?;
        for path in self.facts()?.reused.values() {
            // A run that was removed since is simply to be done again.
            found.extend(StoredRun::read(path));
        }
        found.retain(|run| ids.contains(&run.facts.trial));
        found.sort_by_key(|run| run.facts.started);
        Ok(found)
    }

    /// What has become of each trial; failed ones are to be done again where `retry_failed`.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn states(&self, trials: &[PlannedTrial], retry_failed: bool) -> Result<Vec<State>> {
        let metric = self.facts()?.metric;
        let mut by_trial: BTreeMap<String, Vec<StoredRun>> = BTreeMap::new();
        for run in self.runs()? {
            by_trial.entry(run.facts.trial.clone()).or_default().push(run);
        }
        let state = |trial: &PlannedTrial| {
            let runs = by_trial.get(&trial.id).map_or(&[][..], Vec::as_slice);
            self.state(trial, runs, &metric, retry_failed)
        };
        Ok(trials.iter().map(state).collect())
    }

    fn state(&self, trial: &PlannedTrial, runs: &[StoredRun], metric: &str, retry_failed: bool) -> State {
        if let Some(summary) = runs.iter().rev().find_map(|run| run.summary.as_ref()) {
            return State::Done(summary.best.scores.get(metric).copied());
        }
        if self.is_taken(&trial.id) {
            return State::Running;
        }
        let Some(last) = runs.last() else { return State::Waiting };
        let reason = || last.facts.exit.as_ref().and_then(|exit| exit.message.clone()).unwrap_or_default();
        match last.facts.status {
            Status::Pruned => State::Pruned(reason()),
            // With the trial's lock free, nobody runs it any more.
            Status::Running | Status::Died | Status::Interrupted => State::Waiting,
            _ if retry_failed => State::Waiting,
            _ => State::Failed(reason()),
        }
    }
}
