//! Problems of a sweep that the schema cannot find: within the sweep, and in combination with other settings.

use figment::value::Value;

use super::document::DocumentKind;
use super::layers::Layers;
use super::sweepable::is_whole;
use super::validator::{can_be, must_be};
use crate::settings::{Axis, CHECKPOINT, METRIC, SettingProblem, Sweep, TASK, unfit};
use crate::task::metrics::{LOSS, Metric};
use crate::task::{Task, glue};

pub(super) fn sweep_problems(sweep: &Sweep, layers: &Layers, schema: &serde_json::Value) -> Vec<SettingProblem> {
    let mut problems = sweep.problems();
    problems.extend(latest_of_itself(sweep, layers));
    problems.extend(metrics_of_tasks(sweep, layers));
    for (path, axis) in &sweep.axes {
        let Axis::Range(range) = axis else { continue };
        for (name, bound) in [("min", range.min), ("max", range.max)] {
            let bound =
                if is_whole(schema, path) && bound.fract() == 0.0 { Value::from(bound as i64) } else { Value::from(bound) };
            if !can_be(schema, path, &bound) {
                let message = format!("some values in this range are not valid for `{path}`");
                problems.push(
                    SettingProblem::new(&format!("sweep.axes.{path}.{name}"), message)
                        .help(format!("expected {}", must_be(schema, path))),
                );
            }
        }
    }
    let seed = sweep.seeds.as_ref().map(|_| "seed");
    for path in sweep.paths().into_iter().chain(seed) {
        if let Some(DocumentKind::Argument(option)) = layers.document(path).map(|document| &document.kind) {
            let place = if path == "seed" { "sweep.seeds".to_string() } else { format!("sweep.axes.{path}") };
            let message = format!("{path} varies in this sweep, and {option} sets it");
            problems.push(SettingProblem::new(path, message).help(format!("change {place} instead")));
        }
    }
    problems
}

/// Rejects tasks on an axis that the experiment's metric cannot score.
fn metrics_of_tasks(sweep: &Sweep, layers: &Layers) -> Vec<SettingProblem> {
    let Some(Axis::Values(tasks)) = sweep.axes.get(TASK) else { return Vec::new() };
    let merged = layers.merged();
    let metric = merged.get(METRIC).and_then(Value::as_str).and_then(Metric::named);
    let problem = |(index, name): (usize, &serde_json::Value)| {
        let task = glue::task(name.as_str()?)?;
        let place = format!("sweep.axes.task[{index}]");
        let problem = unfit(&task, &place, &metric?)?;
        Some(problem.help(format!("give each task its metric in [[sweep.paired]], such as {}", task_with_metric(&task))))
    };
    tasks.iter().enumerate().filter_map(problem).collect()
}

/// Returns the keys that name a task and its main metric.
fn task_with_metric(task: &Task) -> String {
    let metric = task.metrics.first().map_or(LOSS, |metric| metric.name);
    format!("task = \"{}\" and metric = \"{metric}\"", task.name)
}

/// Rejects `run:latest`, which would mean a trial of the sweep itself as soon as it has started.
fn latest_of_itself(sweep: &Sweep, layers: &Layers) -> Option<SettingProblem> {
    const LATEST: &str = "run:latest";
    let varies = matches!(sweep.axes.get(CHECKPOINT), Some(Axis::Values(values)) if values.iter().any(|value| value == LATEST));
    let path = if varies { "sweep.axes.checkpoint" } else { CHECKPOINT };
    let is_latest = varies || layers.merged().get(CHECKPOINT).and_then(Value::as_str) == Some(LATEST);
    let message = "`run:latest` means another run as soon as the sweep has begun";
    is_latest.then(|| SettingProblem::new(path, message).help("name the run by its id, as in run:8c1f3a"))
}
