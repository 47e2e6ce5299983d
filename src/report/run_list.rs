//! Runs and sweeps, as `gluepot list` prints them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::anyhow;
use serde_json::{Map, Value, json};

use super::{ListedSweep, Table, TaskBest, pretty_json, run_json, runs_table, sweeps_table};
use crate::cli::{Format, ListArgs};
use crate::compare::{ComparedRun, matching, select};
use crate::failure::{Failure, Outcome};
use crate::plan::shown;
use crate::runs::{self, FindError, StoredRun};
use crate::sweep::{StateCounts, SweepDirectory, is_sweep};
use crate::task::metrics::Direction;
use crate::terminal::Width;

/// The sweeps and runs named on the command line, oldest first.
pub struct RunList<'a> {
    arguments: &'a ListArgs,
    sweeps: Vec<(PathBuf, ListedSweep)>,
    runs: Vec<ComparedRun>,
    /// Warnings about runs and sweeps that cannot be read.
    pub warnings: Vec<String>,
}

impl<'a> RunList<'a> {
    /// Reads the sweeps and runs.
    ///
    /// # Errors
    /// A name matches nothing, or no run has what is asked for.
    pub fn of(arguments: &'a ListArgs) -> Outcome<Self> {
        let mut warnings = Vec::new();
        let sweeps = sweeps(arguments, &mut warnings);
        let runs = if arguments.sweeps {
            Vec::new()
        } else {
            let limit = arguments.limit.map_or(usize::MAX, std::num::NonZeroUsize::get);
            ordered(selected(arguments, &sweeps, &mut warnings)?, arguments.sort.as_deref(), limit)?
        };
        Ok(Self { arguments, sweeps, runs, warnings })
    }

    pub fn rendered(&self, format: Format, width: Width) -> Outcome<String> {
        let sweeps = || sweeps_table(&self.sweeps.iter().map(|(_, sweep)| sweep).collect::<Vec<_>>());
        let table_text = |table: &Table| match format {
            Format::Markdown => table.markdown(),
            Format::Latex => table.latex(),
            Format::Text | Format::Csv | Format::Json => table.text(width),
        };
        let root = self.arguments.runs.root.display();
        Ok(match (format, self.arguments.sweeps) {
            (Format::Json, true) => pretty_json(&json!(self.sweeps.iter().map(sweep_json).collect::<Vec<_>>())),
            (Format::Json, false) => pretty_json(&json!(self.runs.iter().map(listed_json).collect::<Vec<_>>())),
            (Format::Csv, true) => sweeps().csv().map_err(Failure::Internal)?,
            (Format::Csv, false) => csv_text(&self.runs).map_err(Failure::Internal)?,
            (_, true) if self.sweeps.is_empty() => format!("no sweeps in {root}"),
            (_, true) => table_text(&sweeps()),
            (_, false) => {
                let mut parts = Vec::new();
                if !self.sweeps.is_empty() {
                    parts.push(table_text(&sweeps()));
                }
                if !self.runs.is_empty() {
                    parts.push(table_text(&runs_table(&self.runs)));
                } else if self.arguments.filter.is_some() {
                    parts.push("no run matches the filter".into());
                } else if parts.is_empty() {
                    parts.push(format!("no runs in {root}; `gluepot run experiments/quickstart.toml` makes one"));
                }
                parts.join("\n\n")
            }
        })
    }
}

/// Returns the selected runs. A run whose settings cannot be read is listed without them.
fn selected(arguments: &ListArgs, sweeps: &[(PathBuf, ListedSweep)], warnings: &mut Vec<String>) -> Outcome<Vec<ComparedRun>> {
    let root = &arguments.runs.root;
    let runs = if arguments.which.is_empty() {
        let (runs, unreadable) = runs::list(root).map_err(Failure::RunDirectory)?;
        warnings.extend(unreadable.iter().map(|error| format!("{error:#}")));
        let bare = |run: StoredRun| ComparedRun { run, settings: BTreeMap::new(), deciding: BTreeMap::new() };
        runs.into_iter().map(|run| ComparedRun::new(run.clone()).unwrap_or_else(|_| bare(run))).collect()
    } else {
        match select(root, &arguments.which) {
            // A sweep without runs is still listed.
            Err(FindError::NotFound(_)) if sweeps.len() == arguments.which.len() => Vec::new(),
            found => found?,
        }
    };
    match &arguments.filter {
        Some(filter) => matching(runs, filter).map_err(|problem| Failure::Usage(anyhow!(problem))),
        None => Ok(runs),
    }
}

/// Sorts and limits the runs: without `sort`, the newest are kept; otherwise the first ones.
fn ordered(mut runs: Vec<ComparedRun>, sort: Option<&str>, limit: usize) -> Outcome<Vec<ComparedRun>> {
    let Some(name) = sort else {
        let older = runs.len().saturating_sub(limit);
        return Ok(runs.split_off(older));
    };
    let value = |run: &ComparedRun| match name {
        "started" => Some(Value::from(run.run.facts.started.timestamp_micros())),
        "time" => run.quantity("duration_seconds"),
        "steps" => Some(run.run.steps_taken().into()),
        name => run.quantity(name),
    };
    if !runs.is_empty() && runs.iter().all(|run| value(run).is_none()) {
        let others = "choose started, time, steps, status, a metric or a setting such as learning_rate";
        return Err(Failure::Usage(anyhow!("cannot sort by \"{name}\": no run has it; {others}")));
    }
    // The best score comes first.
    let direction = |run: &ComparedRun| run.run.facts.task_definition.as_ref()?.direction(name);
    let descending = runs.iter().find_map(direction) == Some(Direction::Maximize);
    runs.sort_by(|a, b| match (value(a), value(b)) {
        (Some(a), Some(b)) => {
            let order = match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => shown(Some(&a)).cmp(&shown(Some(&b))),
            };
            if descending { order.reverse() } else { order }
        }
        // Runs without a value come last.
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    runs.truncate(limit);
    Ok(runs)
}

fn listed_json(run: &ComparedRun) -> Value {
    let mut listed = run_json(&run.run);
    listed["sweep"] = json!(run.run.path.parent().filter(|parent| is_sweep(parent)));
    listed
}

/// Formats runs as CSV, one row per run: what is known about it, its scores, and every setting that any run has.
fn csv_text(runs: &[ComparedRun]) -> anyhow::Result<String> {
    let scores: BTreeSet<&String> =
        runs.iter().filter_map(|run| run.run.summary.as_ref()).flat_map(|summary| summary.best.scores.keys()).collect();
    let settings: BTreeSet<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    let fixed = ["id", "path", "status", "started", "ended", "steps", "planned_steps", "seconds", "judged_by"];
    let mut writer = csv::Writer::from_writer(Vec::new());
    let best = scores.iter().map(|name| format!("best_{name}"));
    writer.write_record(fixed.map(String::from).into_iter().chain(best).chain(settings.iter().map(|path| (*path).clone())))?;
    for run in runs {
        let (stored, facts) = (&run.run, &run.run.facts);
        let summary = stored.summary.as_ref();
        let mut row = vec![
            facts.id.clone(),
            stored.path.to_string_lossy().into_owned(),
            stored.status().to_string(),
            facts.started.to_rfc3339(),
            facts.ended.map_or(String::new(), |ended| ended.to_rfc3339()),
            stored.steps_taken().to_string(),
            facts.steps.to_string(),
            summary.map_or(String::new(), |summary| summary.duration_seconds.to_string()),
            summary.map_or(String::new(), |summary| summary.metric.clone()),
        ];
        row.extend(scores.iter().map(|name| run.score(name).map_or(String::new(), |value| value.to_string())));
        row.extend(settings.iter().map(|path| run.settings.get(*path).map_or(String::new(), |value| shown(Some(value)))));
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?.trim_end().to_string())
}

/// Returns the selected sweeps, by directory name; all of them without arguments.
fn sweeps(arguments: &ListArgs, warnings: &mut Vec<String>) -> Vec<(PathBuf, ListedSweep)> {
    let root = &arguments.runs.root;
    let mut found: Vec<SweepDirectory> = if arguments.which.is_empty() {
        SweepDirectory::all(root)
    } else {
        arguments.which.iter().filter_map(|name| SweepDirectory::find(root, name)).collect()
    };
    found.sort_by_key(|sweep| sweep.path().to_path_buf());
    found.dedup_by_key(|sweep| sweep.path().to_path_buf());
    let mut sweeps = Vec::new();
    for sweep in found {
        match listed(&sweep) {
            Ok(listed) => sweeps.push((sweep.path().to_path_buf(), listed)),
            Err(error) => warnings.push(format!("{error:#}")),
        }
    }
    sweeps
}

fn listed(sweep: &SweepDirectory) -> anyhow::Result<ListedSweep> {
    let facts = sweep.facts()?;
    let trials = sweep.trials()?;
    let states = sweep.states(&trials, false)?;
    Ok(ListedSweep {
        name: sweep.directory_name(),
        created: facts.created,
        varies: facts.varies,
        ranked_by: facts.ranked_by,
        trials,
        states,
    })
}

fn sweep_json((path, sweep): &(PathBuf, ListedSweep)) -> Value {
    let StateCounts { trials, done, failed, stopped, running, left } = sweep.counts();
    let best = sweep.best();
    let mut json = json!({
        "path": path,
        "name": sweep.name,
        "created": sweep.created,
        "varies": sweep.varies,
        "trials": trials,
        "done": done,
        "failed": failed,
        "stopped": stopped,
        "running": running,
        "left": left,
        "metric": sweep.ranked_by.as_ref().map(|ranked_by| &ranked_by.metric),
        "best": best.first().filter(|_| !sweep.has_tasks()).map(|best| best.score),
    });
    if sweep.has_tasks() {
        let of_task = |best: &TaskBest| (best.task.clone(), json!({ "metric": best.metric, "score": best.score }));
        json["best_by_task"] = best.iter().map(of_task).collect::<Map<String, Value>>().into();
    }
    json
}
