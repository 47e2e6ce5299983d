//! Verifies a run directory: every file against the manifest, numbers against each other, settings and hashes against the run's
//! identity, and that checkpoints load.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::contents;
use super::directory::{RunDirectory, files};
use super::facts::FORMAT;
use super::identity::is_of;
use super::manifest::RunManifest;
use super::recorded_settings::recorded_rows;
use super::status::Status;
use super::step_folder::{folder, step_of};
use super::stored::StoredRun;
use crate::checkpoint::{Weights, read_architecture};
use crate::machine::durable::{MANIFEST, check_folder};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    /// A description of what was found, or what is wrong.
    pub found: Result<String, String>,
}

/// Checks everything in a run directory.
#[must_use]
pub fn verify(path: &Path) -> Vec<Finding> {
    let directory = RunDirectory::at(path.to_path_buf());
    let mut report = Findings { checks: Vec::new() };
    let run = match StoredRun::read(path) {
        Ok(run) => run,
        Err(error) => {
            report.look(files::RUN, || Err(error));
            return report.checks;
        }
    };
    let manifest = match RunManifest::read(&directory) {
        Ok(None) if run.facts.format_version >= FORMAT => {
            report.look(files::MANIFEST, || bail!("is missing"));
            None
        }
        Ok(None) => None,
        Ok(Some(manifest)) => {
            report.look(files::MANIFEST, || Ok(format!("{} files", manifest.names().count())));
            Some(manifest)
        }
        Err(error) => {
            report.look(files::MANIFEST, || Err(error));
            None
        }
    };
    let listed = |name: &str| manifest.as_ref().map_or(Ok(()), |manifest| manifest.check(&directory, name));
    let mut both = |name: &str, content: &dyn Fn() -> Result<String>| {
        report.look(name, || content().and_then(|found| listed(name).map(|()| found)));
    };
    both(files::RUN, &|| Ok(format!("{}, {} steps planned", run.status(), run.facts.steps)));
    both(files::RESOLVED, &|| settings(&run, &directory));
    both(files::TRAIN, &|| contents::train(&run));
    both(files::SPEED, &|| contents::speed(&run));
    both(files::EVAL, &|| contents::eval(&run));
    both(files::PREDICTIONS, &|| contents::predictions(&run));
    if run.summary.is_some() {
        both(files::SUMMARY, &|| contents::summary(&run));
    }
    for (pointer, name) in [(files::BEST, "best"), (files::LAST, "last")] {
        if directory.path(pointer).exists() || must_point(&run, &directory, name) {
            both(pointer, &|| self::pointer(&directory, pointer, &run));
        }
    }
    let listed_here: BTreeSet<String> = manifest.iter().flat_map(RunManifest::names).map(String::from).collect();
    for place in [files::CHECKPOINTS, files::STATES] {
        for step in steps(&directory, place, &listed_here) {
            let name = format!("{place}/{}", folder(step));
            let path = directory.path(&name);
            let is_checkpoint = place == files::CHECKPOINTS;
            report.look(&name, || {
                ensure!(path.is_dir(), "is missing");
                listed(&format!("{name}/{MANIFEST}")).context(MANIFEST)?;
                if is_checkpoint { checkpoint(&path, &run) } else { state(&path) }
            });
        }
    }
    let seen: BTreeSet<String> = report.checks.iter().map(|check| check.what.clone()).collect();
    for name in listed_here.iter().filter(|name| !seen.contains(*name) && !name.ends_with(&format!("/{MANIFEST}"))) {
        report.look(name, || listed(name).map(|()| "as written".into()));
    }
    for name in strangers(&directory) {
        report.look(&name, || bail!("was not written by this run"));
    }
    report.checks
}

/// What cannot be checked, and why.
#[must_use]
pub fn unchecked(path: &Path) -> Vec<String> {
    let directory = RunDirectory::at(path.to_path_buf());
    let Ok(run) = StoredRun::read(path) else { return Vec::new() };
    match RunManifest::read(&directory) {
        Ok(None) if run.facts.format_version < FORMAT => vec![format!(
            "written by a version without manifests of runs: the text of {} and {}, the numbers of {} before the last row, \
             times, and of {} what neither settings nor data decide",
            files::EXPERIMENT,
            files::LOG,
            files::TRAIN,
            files::RUN
        )],
        Ok(Some(manifest)) if !manifest.is_complete() => {
            vec!["the run has not ended: what it wrote after its last state".to_string()]
        }
        _ => Vec::new(),
    }
}

struct Findings {
    checks: Vec<Finding>,
}

impl Findings {
    fn look(&mut self, what: &str, found: impl FnOnce() -> Result<String>) {
        self.checks.push(Finding { what: what.into(), found: found().map_err(|error| format!("{error:#}")) });
    }
}

/// Checks the settings against the run's identity.
fn settings(run: &StoredRun, directory: &RunDirectory) -> Result<String> {
    let rows = recorded_rows(directory)?;
    let facts = &run.facts;
    let recorded = |path: &str| rows.iter().find(|row| row.path() == path).and_then(|row| row.value.clone());
    for (path, expected) in [("seed", serde_json::json!(facts.seed)), ("task", serde_json::json!(facts.task))] {
        // A task of one's own is a table with a name.
        let path = if recorded(path).is_none() && path == "task" { "task.name" } else { path };
        let found = recorded(path).with_context(|| format!("has no {path}"))?;
        ensure!(found == expected, "says {path} {found}, {} says {expected}", files::RUN);
    }
    if facts.trial.is_empty() {
        return Ok(format!("{} settings", rows.len()));
    }
    let rungs = rungs(run);
    let fits = is_of(facts, &rows, rungs.as_deref().unwrap_or_default());
    // If the sweep's plan no longer contains the trial, the steps of its comparisons are unknown.
    let is_known = rungs.is_some();
    ensure!(fits || !is_known, "and the hashes of {} do not give the training {}", files::RUN, facts.trial);
    Ok(format!("{} settings, training {}", rows.len(), facts.trial))
}

/// The steps at which a sweep compares this run: empty outside of a sweep, `None` if the plan does not list the run.
fn rungs(run: &StoredRun) -> Option<Vec<u64>> {
    let Some(plan) = run.path.parent().map(|parent| parent.join(files::PLAN)).filter(|plan| plan.is_file()) else {
        return Some(Vec::new());
    };
    let text = fs::read_to_string(plan).ok()?;
    let trials = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let trial = trials.into_iter().find(|trial| trial["id"] == run.facts.trial.as_str())?;
    Some(trial["rungs"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect())
}

/// Steps of the folders that exist or should exist.
fn steps(directory: &RunDirectory, place: &str, listed: &BTreeSet<String>) -> BTreeSet<u64> {
    let there = fs::read_dir(directory.path(place)).into_iter().flatten().flatten();
    let there = there.filter_map(|entry| step_of(entry.file_name().to_str()?));
    let of_listed = |name: &String| step_of(Path::new(name).strip_prefix(place).ok()?.parent()?.to_str()?);
    there.chain(listed.iter().filter_map(of_listed)).collect()
}

/// Whether a finished run of any format must have this pointer; earlier versions of `prune` could remove `last`.
fn must_point(run: &StoredRun, directory: &RunDirectory, name: &str) -> bool {
    let keep = super::recorded_settings::recorded_keep(directory);
    let keeps_best = keep.is_none_or(|keep| keep.contains(crate::settings::Kept::Best));
    name == "best" && keeps_best && run.summary.is_some() && run.facts.status == Status::Finished
}

/// Files in the run's own folders that no run writes.
fn strangers(directory: &RunDirectory) -> Vec<String> {
    let known: &[(&str, &[&str])] = &[
        ("metrics", &["train.csv", "speed.csv", "eval.csv"]),
        ("predictions", &["validation.csv"]),
        (files::CHECKPOINTS, &["best", "last"]),
        (files::STATES, &[]),
    ];
    let mut found = Vec::new();
    for (place, known) in known {
        let entries = fs::read_dir(directory.path(place)).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        // A process that was killed leaves partial files.
        let is_own = |name: &str| known.contains(&name) || step_of(name).is_some() || name.ends_with(".partial");
        found.extend(names.filter(|name| !is_own(name)).map(|name| format!("{place}/{name}")));
    }
    found.sort_unstable();
    found
}

fn checkpoint(path: &Path, run: &StoredRun) -> Result<String> {
    let manifest = check_folder(path)?;
    let architecture = read_architecture(&path.join("config.json"))?;
    let task = run.facts.definition()?;
    let mut weights = Weights::read(&path.join("model.safetensors"), &architecture)?;
    for parameter in architecture.parameters(&task.head) {
        let name = &parameter.name;
        match weights.take(name) {
            None => bail!("{name} is missing"),
            Some(tensor) => ensure!(tensor.shape == parameter.shape, "{name} has the shape {:?}", tensor.shape),
        }
    }
    Ok(format!("{} files as written, weights load", manifest.files.len()))
}

fn pointer(directory: &RunDirectory, name: &str, run: &StoredRun) -> Result<String> {
    let text = fs::read_to_string(directory.path(name)).context("cannot be read")?;
    let meant = text.trim();
    let step = step_of(meant).with_context(|| format!("names {meant:?}, which is not a checkpoint"))?;
    ensure!(directory.path(files::CHECKPOINTS).join(meant).is_dir(), "names {meant}, which does not exist");
    let expected = run.summary.as_ref().map(|summary| if name == files::BEST { summary.best.step } else { summary.last.step });
    if let Some(expected) = expected {
        ensure!(step == expected, "names step {step}, the summary says {expected}");
    }
    Ok(meant.into())
}

fn state(path: &Path) -> Result<String> {
    let manifest = check_folder(path)?;
    let bytes: u64 = manifest.files.values().map(|entry| entry.bytes).sum();
    Ok(format!("{} files as written, {:.1} MB", manifest.files.len(), bytes as f64 / 1e6))
}
