//! A sweep on disk: its plan, and the states of its trials.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::facts::{FACTS, FORMAT, SweepFacts};
use super::paths::{reused_run, with_current_paths};
use super::plan::{Plan, PlannedTrial};
use super::queue::{TrialState, drop_stopped};
use super::ranking::RankingMetric;
use super::rung_scores::RungScores;
use super::state_counts::StateCounts;
use crate::machine::claim::{Claim, PATIENCE};
use crate::runs::{self, RunDirectory, Status, StoredRun, files};
use crate::tokens::TokenCache;

/// A sweep's directory.
#[derive(Clone, Debug)]
pub struct SweepDirectory {
    directory: RunDirectory,
}

/// The runs of a sweep, and what is missing.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Every run of the plan, including reused ones, oldest first.
    pub runs: Vec<StoredRun>,
    /// Errors of run directories that cannot be read.
    pub unreadable: Vec<anyhow::Error>,
    /// Reused runs that are no longer where they were, by trial id.
    pub lost: BTreeMap<String, PathBuf>,
}

/// Returns whether a folder is a sweep's directory.
#[must_use]
pub fn is_sweep(path: &Path) -> bool {
    path.join(files::PLAN).is_file() && path.join(FACTS).is_file()
}

impl SweepDirectory {
    /// Returns the sweeps directly below `root`, oldest first.
    #[must_use]
    pub fn all(root: &Path) -> Vec<Self> {
        let entries = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> = entries.filter(|path| is_sweep(path)).collect();
        paths.sort_unstable();
        paths.into_iter().map(Self::at).collect()
    }

    /// Returns the sweep that a name refers to: a path, or the beginning of exactly one directory name below `root`.
    #[must_use]
    pub fn find(root: &Path, name: &str) -> Option<Self> {
        if let Ok(sweep) = Self::open(Path::new(name)) {
            return Some(sweep);
        }
        let begins = |sweep: &Self| !name.is_empty() && sweep.directory_name().starts_with(name);
        let mut meant = Self::all(root).into_iter().filter(begins);
        meant.next().filter(|_| meant.next().is_none())
    }

    /// Opens a sweep.
    pub fn open(path: &Path) -> Result<Self> {
        match (path.join(files::PLAN).is_file(), path.join(FACTS).is_file()) {
            (true, true) => Ok(Self::at(path.to_path_buf())),
            (false, false) => bail!("{} is not a sweep", path.display()),
            (has_plan, _) => {
                let missing = if has_plan { FACTS } else { files::PLAN };
                bail!("{}: {missing} is missing; `gluepot sweep` with the experiment's file restores it", path.display())
            }
        }
    }

    pub(super) fn at(path: PathBuf) -> Self {
        Self { directory: RunDirectory::at(path) }
    }

    /// Returns the path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.root()
    }

    /// Returns the directory's name.
    #[must_use]
    pub fn directory_name(&self) -> String {
        self.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Replaces one of its files as a whole. Only the holder of the [lock](super::lock) may do that.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.directory.write(name, content)
    }

    /// Reads `sweep.json`.
    pub fn facts(&self) -> Result<SweepFacts> {
        let path = self.directory.path(FACTS);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let facts: SweepFacts = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; `gluepot sweep` with the experiment's file restores it", path.display()))?;
        let version = facts.format_version;
        ensure!(version <= FORMAT, "{} was written by a newer version of gluepot (format {version})", path.display());
        Ok(facts)
    }

    /// Reads the plan on disk; empty if there is none.
    pub fn plan(&self) -> Result<Plan> {
        let path = self.directory.path(files::PLAN);
        match fs::read(&path) {
            Ok(bytes) => Ok(Plan::read(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Plan::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Reads the planned trials, with their paths as they are now. Damaged lines are left out.
    pub fn trials(&self) -> Result<Vec<PlannedTrial>> {
        let plan = self.plan()?;
        let path = self.directory.path(files::PLAN);
        ensure!(
            !plan.trials.is_empty(),
            "{} has no line that can be read; `gluepot sweep` with the experiment's file restores it",
            path.display()
        );
        Ok(plan.trials.iter().map(|trial| with_current_paths(trial, self.path())).collect())
    }

    /// Returns the cache of encoded splits.
    #[must_use]
    pub fn tokens(&self) -> TokenCache {
        TokenCache::at(self.directory.path("tokens"))
    }

    #[must_use]
    pub fn rung_scores(&self) -> RungScores {
        RungScores::at(self.directory.path("rungs.jsonl"))
    }

    /// Returns the file for what a trial's process prints outside of its run's log.
    #[must_use]
    pub fn log(&self, trial: &str) -> PathBuf {
        self.directory.path(&format!("logs/{trial}.txt"))
    }

    /// Creates a folder in it, unless it exists. A deleted sweep is not created again.
    pub(super) fn make_folder(&self, name: &str) -> Result<()> {
        let folder = self.directory.path(name);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).with_context(|| format!("cannot make {}", folder.display()))
            }
            _ => Ok(()),
        }
    }

    fn lock(&self, trial: &str) -> PathBuf {
        self.directory.path(&format!("locks/{trial}"))
    }

    /// Claims a trial for this process; `None` if another process has it.
    pub fn take(&self, trial: &str) -> Result<Option<Claim>> {
        self.make_folder("locks")?;
        Claim::take_on_full_disk(&self.lock(trial), PATIENCE)
    }

    /// Returns every run of this sweep's plan, including reused ones, oldest first.
    pub fn runs(&self) -> Result<Vec<StoredRun>> {
        Ok(self.inventory()?.runs)
    }

    /// Returns the same, with what is missing.
    pub fn inventory(&self) -> Result<Inventory> {
        let trials = self.plan()?.trials;
        self.inventory_of(trials.iter().map(|trial| trial.id.as_str()))
    }

    /// Returns the same for these trials, whatever happened to the plan on disk.
    fn inventory_of<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Result<Inventory> {
        let ids: HashSet<&str> = ids.collect();
        let (mut found, unreadable) = runs::list(self.path())?;
        let mut lost = BTreeMap::new();
        for (trial, path) in self.facts().map(|facts| facts.reused).unwrap_or_default() {
            match reused_run(self.path(), &path, &trial) {
                Some(run) => found.push(run),
                None => drop(lost.insert(trial, path)),
            }
        }
        found.retain(|run| ids.contains(run.facts.trial.as_str()));
        found.sort_by_key(|run| run.facts.started);
        // A lost run whose trial was trained again is not missing.
        lost.retain(|trial, _| !found.iter().any(|run| run.facts.trial == *trial && run.summary.is_some()));
        Ok(Inventory { runs: found, unreadable, lost })
    }

    /// Returns the state of each trial; with `retry_failed`, failed trials are pending again.
    pub fn states(&self, trials: &[PlannedTrial], retry_failed: bool) -> Result<Vec<TrialState>> {
        // Without `sweep.json`, finished trials still count as done.
        let ranked_by = self.facts().ok().and_then(|facts| facts.ranked_by);
        let mut by_trial: HashMap<String, Vec<StoredRun>> = HashMap::new();
        for run in self.inventory_of(trials.iter().map(|trial| trial.id.as_str()))?.runs {
            by_trial.entry(run.facts.trial.clone()).or_default().push(run);
        }
        let state = |trial: &PlannedTrial| {
            let runs = by_trial.get(&trial.id).map_or(&[][..], Vec::as_slice);
            self.state(trial, runs, &RankingMetric::of(ranked_by.as_ref(), trial), retry_failed)
        };
        let mut states: Vec<TrialState> = trials.iter().map(state).collect();
        drop_stopped(trials, &mut states);
        Ok(states)
    }

    /// Counts the trials in each state.
    pub fn counts(&self) -> Result<StateCounts> {
        Ok(StateCounts::of(&self.states(&self.trials()?, false)?))
    }

    fn state(&self, trial: &PlannedTrial, runs: &[StoredRun], ranked_by: &RankingMetric, retry_failed: bool) -> TrialState {
        if let Some(summary) = runs.iter().rev().find_map(|run| run.summary.as_ref()) {
            return TrialState::Done(summary.best.scores.get(&ranked_by.metric).copied());
        }
        if Claim::is_held(&self.lock(&trial.id)) == Some(true) {
            return TrialState::Running;
        }
        let Some(last) = runs.last() else { return TrialState::Pending };
        let reason = || last.facts.exit.as_ref().and_then(|exit| exit.message.clone()).unwrap_or_default();
        match last.facts.status {
            Status::Pruned => TrialState::Pruned(reason()),
            // It may still be alive on another machine, whose locks may not be visible here.
            Status::Running if last.status() == Status::Running => TrialState::Running,
            Status::Running | Status::Died | Status::Interrupted => TrialState::Pending,
            _ if retry_failed => TrialState::Pending,
            _ => TrialState::Failed(reason()),
        }
    }
}
