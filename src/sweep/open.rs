//! Finding the sweep that an experiment asks for: an existing one, extended by what is new, or a new one.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::directory::SweepDirectory;
use super::extend::{Extended, differences, extend};
use super::facts::{FACTS, FORMAT, SweepFacts};
use super::lock::lock_sweeps;
use super::paths::{reused_run, with_current_paths, with_relative_paths};
use super::plan::{Plan, PlannedTrial};
use super::planner::Planning;
use super::queue::TrialState;
use super::state_counts::StateCounts;
use crate::failure::{Failure, Outcome};
use crate::machine::relative_path;
use crate::runs::{self, files};

/// A requested sweep.
pub struct SweepRequest<'a> {
    /// The folder for runs.
    pub root: &'a Path,
    /// Content of `sweep.json`.
    pub facts: &'a SweepFacts,
    /// Plans its trials.
    pub planning: &'a mut dyn Planning,
}

/// The result of looking for a requested sweep.
#[derive(Debug)]
pub enum Lookup {
    Found(Box<FoundSweep>),
    /// Not found; this is the most similar sweep, if any.
    Absent(Option<SimilarSweep>),
}

/// An existing sweep all of whose trials are requested.
#[derive(Debug)]
pub struct FoundSweep {
    pub directory: SweepDirectory,
    /// Its plan, extended by the newly requested trials.
    pub extended: Extended,
    /// What was damaged and will be restored.
    pub restored: Vec<String>,
    /// `sweep.json`, if it can be read.
    facts: Option<SweepFacts>,
    plan: Plan,
}

/// A sweep of the same name with other trials, or of another name with the same trials.
#[derive(Debug)]
pub struct SimilarSweep {
    pub directory: SweepDirectory,
    /// Its progress.
    pub counts: StateCounts,
    /// Settings in which it differs.
    pub differences: Vec<String>,
    /// Number of requested trials that are finished there.
    pub shared: usize,
}

/// The directory of a requested sweep.
#[derive(Debug)]
pub struct OpenedSweep {
    pub directory: SweepDirectory,
    /// Every trial of its plan.
    pub trials: Vec<PlannedTrial>,
    pub before: Lookup,
}

impl SweepRequest<'_> {
    /// Looks for the sweep without changing anything.
    pub fn look(&mut self) -> Outcome<Lookup> {
        let mut other = None;
        for directory in self.candidates().map_err(Failure::RunDirectory)? {
            match self.known(&directory)? {
                Ok(known) => return Ok(Lookup::Found(Box::new(known))),
                Err(trials) if other.is_none() => other = self.other(directory, &trials)?,
                Err(_) => {}
            }
        }
        let other = if other.is_none() { self.renamed()? } else { other };
        Ok(Lookup::Absent(other))
    }

    /// Finds the sweep and updates it, or creates a new one; with `how.reuse`, also takes over finished runs from elsewhere.
    pub fn open(&mut self, copies: &[(String, String)], how: OpenOptions, waits: &mut dyn FnMut(&str)) -> Outcome<OpenedSweep> {
        // If two processes start at the same time, the second finds what the first has created.
        let _lock = lock_sweeps(self.root, waits).map_err(Failure::RunDirectory)?;
        let before = if how.fresh { Lookup::Absent(None) } else { self.look()? };
        let trials = match &before {
            Lookup::Found(known) => known.extended.trials.clone(),
            Lookup::Absent(_) => self.planning.requested(&[])?.to_vec(),
        };
        let write = || -> Result<SweepDirectory> {
            let directory = match &before {
                Lookup::Found(known) => self.update(known)?,
                Lookup::Absent(_) => self.create(&trials, copies)?,
            };
            if how.reuse {
                reuse(&directory, &trials, self.root)?;
            }
            Ok(directory)
        };
        let directory = write().map_err(Failure::RunDirectory)?;
        Ok(OpenedSweep { directory, trials, before })
    }

    /// Returns the directories that may hold this sweep, newest first, including damaged ones.
    fn candidates(&self) -> Result<Vec<SweepDirectory>> {
        let entries = match fs::read_dir(self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read the folder for runs {}", self.root.display()));
            }
        };
        let may_be = |path: &PathBuf| path.join(files::PLAN).is_file() || path.join(FACTS).is_file();
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(may_be).collect();
        paths.sort_unstable();
        let suffix = format!("_{}_sweep", runs::file_name(&self.facts.name));
        let asks_the_same = |sweep: &SweepDirectory| match sweep.facts() {
            Ok(facts) => facts.asks_the_same(self.facts),
            // Only its name and its plan can tell.
            Err(_) => sweep.directory_name().ends_with(&suffix),
        };
        Ok(paths.into_iter().rev().map(SweepDirectory::at).filter(asks_the_same).collect())
    }

    /// Returns the sweep in a directory, extended by what is new, or its trials if they are not all requested.
    fn known(&mut self, directory: &SweepDirectory) -> Outcome<Result<FoundSweep, Vec<PlannedTrial>>> {
        let facts = directory.facts().ok();
        let plan = directory.plan().map_err(Failure::RunDirectory)?;
        let trials: Vec<PlannedTrial> = plan.trials.iter().map(|trial| with_current_paths(trial, directory.path())).collect();
        let requested = self.planning.requested(&trials)?;
        // Without a plan, the runs show what it was.
        let asked: HashSet<&str> = requested.iter().map(|trial| trial.id.as_str()).collect();
        let listed = || runs::list(directory.path()).map_err(Failure::RunDirectory);
        let trained = if trials.is_empty() { listed()?.0 } else { Vec::new() };
        let is_foreign = trained.iter().any(|run| !asked.contains(run.facts.trial.as_str()));
        let is_nameless = facts.is_none() && trials.is_empty() && trained.is_empty();
        let Some(extended) = extend(&trials, &requested).filter(|_| !is_foreign && !is_nameless) else {
            return Ok(Err(trials));
        };
        let mut restored: Vec<String> =
            plan.damaged.iter().map(|(line, reason)| format!("line {line} of {}: {reason}", files::PLAN)).collect();
        if !directory.path().join(files::PLAN).is_file() {
            restored.push(format!("{} was missing", files::PLAN));
        }
        if facts.is_none() {
            restored.push(format!("{FACTS} was missing or damaged"));
        }
        Ok(Ok(FoundSweep { directory: directory.clone(), extended, restored, facts, plan }))
    }

    /// Finds a sweep of another name that is otherwise the same.
    fn renamed(&mut self) -> Outcome<Option<SimilarSweep>> {
        for directory in SweepDirectory::all(self.root).into_iter().rev() {
            let Ok(facts) = directory.facts() else { continue };
            let named = SweepFacts { name: self.facts.name.clone(), ..facts.clone() };
            let Some(trials) = directory.trials().ok().filter(|_| named.asks_the_same(self.facts)) else { continue };
            if extend(&trials, &self.planning.requested(&trials)?).is_none() {
                continue;
            }
            if let Some(mut other) = self.other(directory, &trials)? {
                other.differences = vec![format!("name {}, not {}", self.facts.name, facts.name)];
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    fn other(&mut self, directory: SweepDirectory, trials: &[PlannedTrial]) -> Outcome<Option<SimilarSweep>> {
        let Ok(states) = directory.states(trials, false) else { return Ok(None) };
        let requested = self.planning.requested(trials)?;
        let asked: HashSet<&str> = requested.iter().map(|trial| trial.id.as_str()).collect();
        let is_done = |state: &TrialState| matches!(state, TrialState::Done(_));
        let shared = trials.iter().zip(&states).filter(|(trial, state)| is_done(state) && asked.contains(trial.id.as_str()));
        let shared = shared.count();
        let differences = differences(trials, &requested);
        Ok(Some(SimilarSweep { counts: StateCounts::of(&states), differences, shared, directory }))
    }

    /// Writes what is new or was damaged.
    fn update(&self, known: &FoundSweep) -> Result<SweepDirectory> {
        let directory = &known.directory;
        for folder in ["locks", "logs"] {
            directory.make_folder(folder)?;
        }
        let is_new = known.extended.added > 0;
        match &known.facts {
            None => write_facts(directory, self.facts)?,
            // Without pruning, the metric only ranks the variants, so it may have changed.
            Some(facts) if is_new || facts.ranked_by != self.facts.ranked_by => {
                let SweepFacts { created, reused, .. } = facts.clone();
                write_facts(directory, &SweepFacts { created, reused, ..self.facts.clone() })?;
            }
            Some(_) => {}
        }
        directory.write_plan(&known.plan, &known.extended.trials)?;
        Ok(directory.clone())
    }

    fn create(&self, trials: &[PlannedTrial], copies: &[(String, String)]) -> Result<SweepDirectory> {
        let stamp = self.facts.created.format("%Y-%m-%dT%H-%M-%SZ");
        let name = runs::file_name(&self.facts.name);
        let numbered = (2..).map(|number| format!("{stamp}_{name}-{number}_sweep"));
        let mut names = std::iter::once(format!("{stamp}_{name}_sweep")).chain(numbered);
        let path = names.find_map(|name| match fs::create_dir(self.root.join(&name)) {
            // Another sweep of this name was created within the same second.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
            made => Some(made.map(|()| self.root.join(name))),
        });
        let path = path.context("no name is left for the sweep")?;
        let directory = SweepDirectory::at(path.with_context(|| format!("cannot make a directory in {}", self.root.display()))?);
        for folder in ["locks", "logs"] {
            directory.make_folder(folder)?;
        }
        for (name, content) in copies {
            directory.write(name, content.as_bytes())?;
        }
        write_facts(&directory, self.facts)?;
        // The plan comes last: only with it is the directory a sweep.
        directory.write_plan(&Plan::default(), trials)?;
        Ok(directory)
    }
}

impl SweepDirectory {
    /// Ensures that the files of a running sweep hold these facts and trials, whatever happened to them meanwhile. Returns
    /// whether anything had to be restored.
    pub fn keep(&self, facts: &SweepFacts, trials: &[PlannedTrial]) -> Result<bool> {
        let is_there = [files::PLAN, FACTS].iter().any(|file| self.path().join(file).exists());
        ensure!(is_there, "the sweep's directory {} is gone", self.path().display());
        let is_whole = || {
            let plan = self.plan()?;
            let known: HashSet<&str> = plan.trials.iter().map(|trial| trial.id.as_str()).collect();
            Ok::<_, anyhow::Error>(self.facts().is_ok() && trials.iter().all(|trial| known.contains(trial.id.as_str())))
        };
        if is_whole()? {
            return Ok(false);
        }
        let root = self.path().parent().unwrap_or(Path::new("."));
        let _lock = lock_sweeps(root, &mut |_| {})?;
        if self.facts().is_err() {
            write_facts(self, facts)?;
        }
        let plan = self.plan()?;
        let known: HashSet<&str> = plan.trials.iter().map(|trial| trial.id.as_str()).collect();
        let there = plan.trials.iter().map(|trial| with_current_paths(trial, self.path()));
        let missing = trials.iter().filter(|trial| !known.contains(trial.id.as_str())).cloned();
        let all: Vec<PlannedTrial> = there.chain(missing).collect();
        self.write_plan(&plan, &all)?;
        Ok(true)
    }

    /// Writes a plan with these trials. Trials that are already planned keep their lines, unless these were damaged or their
    /// folders have moved; the others follow. The file is replaced as a whole, so that no reader sees half a line.
    pub(super) fn write_plan(&self, known: &Plan, trials: &[PlannedTrial]) -> Result<()> {
        let text = written_plan(self, known, trials)?;
        let path = self.path().join(files::PLAN);
        if fs::read_to_string(path).is_ok_and(|written| written == text) {
            return Ok(());
        }
        self.write(files::PLAN, text.as_bytes())
    }
}

/// How to open a sweep.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Create a new sweep even if one exists.
    pub fresh: bool,
    /// Reuse finished runs of the same trials from elsewhere.
    pub reuse: bool,
}

/// Returns the text of a plan; lines whose paths are still right stay as they are.
fn written_plan(directory: &SweepDirectory, plan: &Plan, trials: &[PlannedTrial]) -> Result<String> {
    let old: HashMap<&str, &PlannedTrial> = plan.trials.iter().map(|trial| (trial.id.as_str(), trial)).collect();
    let line = |trial: &PlannedTrial| match old.get(trial.id.as_str()) {
        Some(line) if with_current_paths(line, directory.path()) == *trial => (*line).clone(),
        _ => with_relative_paths(trial, directory.path()),
    };
    plan.write(&trials.iter().map(line).collect::<Vec<_>>())
}

fn write_facts(directory: &SweepDirectory, facts: &SweepFacts) -> Result<()> {
    let file = if facts.file.is_absolute() { relative_path::written(directory.path(), &facts.file) } else { facts.file.clone() };
    let facts = SweepFacts { file, format_version: FORMAT, ..facts.clone() };
    directory.write(FACTS, &serde_json::to_vec_pretty(&facts)?)
}

/// Takes over finished runs of the same trials from elsewhere.
fn reuse(directory: &SweepDirectory, trials: &[PlannedTrial], root: &Path) -> Result<()> {
    let mut facts = directory.facts()?;
    let before = facts.reused.clone();
    let now = |(trial, path): (&String, &PathBuf)| {
        let run = reused_run(directory.path(), path, trial)?;
        Some((trial.clone(), relative_path::written(directory.path(), &run.path)))
    };
    facts.reused = before.iter().filter_map(now).collect();
    let (runs, _) = runs::list(root)?;
    let own = runs::list(directory.path())?.0;
    let trained: HashSet<&str> = own.iter().filter(|run| run.summary.is_some()).map(|run| run.facts.trial.as_str()).collect();
    for trial in trials.iter().filter(|trial| !trained.contains(trial.id.as_str())) {
        if facts.reused.contains_key(&trial.id) {
            continue;
        }
        if let Some(run) = runs.iter().rev().find(|run| run.facts.trial == trial.id && run.summary.is_some()) {
            facts.reused.insert(trial.id.clone(), relative_path::written(directory.path(), &run.path));
        }
    }
    if facts.reused == before { Ok(()) } else { write_facts(directory, &facts) }
}
