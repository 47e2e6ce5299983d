//! `gluepot list`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::{Value, json};

use super::compare::matching;
use super::{find_failure, pretty, print, print_data, run_json, warn};
use crate::cli::{Format, List};
use crate::compare::{ComparedRun, select};
use crate::failure::{Failure, Outcome};
use crate::plan::shown;
use crate::report::{ListedSweep, Table, runs_table, sweeps_table};
use crate::runs::{self, FindError, StoredRun};
use crate::sweep::{StateCounts, SweepDirectory, is_sweep};
use crate::task::metrics::Direction;
use crate::terminal::Width;

/// Lists sweeps and runs, the oldest first.
pub fn list(arguments: &List) -> Outcome<()> {
    let format = arguments.format.format();
    let sweeps = sweeps(arguments);
    if arguments.sweeps {
        return print_sweeps(&sweeps, format, &arguments.runs.root);
    }
    let runs = ordered(selected(arguments, &sweeps)?, arguments)?;
    match format {
        Format::Json => print(&pretty(&json!(runs.iter().map(listed_json).collect::<Vec<_>>()))),
        Format::Csv => print_data(&csv_text(&runs).map_err(Failure::Internal)?),
        Format::Text | Format::Markdown => {
            let mut parts = Vec::new();
            if !sweeps.is_empty() {
                parts.push(table_text(&sweeps_table(&sweeps.iter().map(|(_, sweep)| sweep).collect::<Vec<_>>()), format));
            }
            if !runs.is_empty() {
                parts.push(table_text(&runs_table(&runs), format));
            } else if arguments.filter.is_some() {
                parts.push("no run matches the filter".into());
            } else if parts.is_empty() {
                let root = arguments.runs.root.display();
                parts.push(format!("no runs in {root}; `gluepot run experiments/quickstart.toml` makes one"));
            }
            print(&parts.join("\n\n"))
        }
    }
}

fn table_text(table: &Table, format: Format) -> String {
    if format == Format::Markdown { table.markdown() } else { table.text(Width::of_stdout()) }
}

/// The runs that are meant. One whose settings cannot be read is listed without them.
fn selected(arguments: &List, sweeps: &[(PathBuf, ListedSweep)]) -> Outcome<Vec<ComparedRun>> {
    let root = &arguments.runs.root;
    let runs = if arguments.which.is_empty() {
        let (runs, unreadable) = runs::list(root).map_err(Failure::RunDirectory)?;
        for error in unreadable {
            warn(&format!("{error:#}"));
        }
        let bare = |run: StoredRun| ComparedRun { run, settings: BTreeMap::new(), deciding: BTreeMap::new() };
        runs.into_iter().map(|run| ComparedRun::new(run.clone()).unwrap_or_else(|_| bare(run))).collect()
    } else {
        match select(root, &arguments.which) {
            // A sweep without runs is a sweep all the same.
            Err(FindError::NotFound(_)) if sweeps.len() == arguments.which.len() => Vec::new(),
            found => found.map_err(find_failure)?,
        }
    };
    match &arguments.filter {
        Some(filter) => matching(runs, filter),
        None => Ok(runs),
    }
}

/// In the order asked for, and no more than so many: of all by time, the newest; else the first.
fn ordered(mut runs: Vec<ComparedRun>, arguments: &List) -> Outcome<Vec<ComparedRun>> {
    let limit = arguments.limit.map_or(usize::MAX, std::num::NonZeroUsize::get);
    let Some(name) = &arguments.sort else {
        let older = runs.len().saturating_sub(limit);
        return Ok(runs.split_off(older));
    };
    let value = |run: &ComparedRun| match name.as_str() {
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
        // What has no value comes last.
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

/// One row a run: what is known of it, its scores, and every setting that any run has.
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

/// The sweeps that are meant, by their directories' names: all without arguments.
fn sweeps(arguments: &List) -> Vec<(PathBuf, ListedSweep)> {
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
            Err(error) => warn(&format!("{error:#}")),
        }
    }
    sweeps
}

fn listed(sweep: &SweepDirectory) -> anyhow::Result<ListedSweep> {
    let facts = sweep.facts()?;
    let states = sweep.states(&sweep.trials()?, false)?;
    Ok(ListedSweep {
        name: sweep.directory_name(),
        created: facts.created,
        varies: facts.varies,
        metric: (facts.metric, facts.direction),
        states,
    })
}

fn print_sweeps(sweeps: &[(PathBuf, ListedSweep)], format: Format, root: &Path) -> Outcome<()> {
    let table = sweeps_table(&sweeps.iter().map(|(_, sweep)| sweep).collect::<Vec<_>>());
    let of = |(path, sweep): &(PathBuf, ListedSweep)| {
        let StateCounts { trials, done, failed, stopped, running, left } = sweep.counts();
        json!({
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
            "metric": sweep.metric.0,
            "best": sweep.best(),
        })
    };
    match format {
        Format::Json => print(&pretty(&json!(sweeps.iter().map(of).collect::<Vec<_>>()))),
        Format::Csv => print_data(&table.csv().map_err(Failure::Internal)?),
        _ if sweeps.is_empty() => print(&format!("no sweeps in {}", root.display())),
        _ => print(&table_text(&table, format)),
    }
}
