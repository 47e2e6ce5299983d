//! Problems of a sweep that the schema cannot find: within the sweep, and in combination with other settings.

use figment::value::Value;

use super::document::DocumentKind;
use super::layers::Layers;
use super::sweepable::is_whole;
use super::validator::{can_be, must_be};
use crate::settings::{Axis, CHECKPOINT, SettingProblem, Sweep};

pub(super) fn sweep_problems(sweep: &Sweep, layers: &Layers, schema: &serde_json::Value) -> Vec<SettingProblem> {
    let mut problems = sweep.problems();
    problems.extend(latest_of_itself(sweep, layers));
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

/// Rejects `run:latest`, which would mean a trial of the sweep itself as soon as it has started.
fn latest_of_itself(sweep: &Sweep, layers: &Layers) -> Option<SettingProblem> {
    const LATEST: &str = "run:latest";
    let varies = matches!(sweep.axes.get(CHECKPOINT), Some(Axis::Values(values)) if values.iter().any(|value| value == LATEST));
    let path = if varies { "sweep.axes.checkpoint" } else { CHECKPOINT };
    let is_latest = varies || layers.merged().get(CHECKPOINT).and_then(Value::as_str) == Some(LATEST);
    let message = "`run:latest` means another run as soon as the sweep has begun";
    is_latest.then(|| SettingProblem::new(path, message).help("name the run by its id, as in run:8c1f3a"))
}
