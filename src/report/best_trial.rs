//! The best run of a sweep.

use std::path::PathBuf;

use crate::numbers::{counted, score};
use crate::runs::{StoredRun, files};
use crate::sweep::PlannedTrial;
use crate::task::metrics::Direction;

/// Returns the finished run with the best score, and its trial.
#[must_use]
pub fn best<'a>(
    runs: &'a [StoredRun],
    trials: &'a [PlannedTrial],
    (metric, direction): (&str, Direction),
) -> Option<(&'a StoredRun, &'a PlannedTrial)> {
    let score = |run: &StoredRun| run.summary.as_ref()?.best.scores.get(metric).copied().filter(|score| score.is_finite());
    let mut best: Option<(f64, &StoredRun)> = None;
    for run in runs {
        if let Some(value) = score(run)
            && best.is_none_or(|(known, _)| direction.improves(value, known))
        {
            best = Some((value, run));
        }
    }
    let (_, run) = best?;
    Some((run, trials.iter().find(|trial| trial.id == run.facts.trial)?))
}

/// Formats the best run, its score and its checkpoint.
#[must_use]
pub fn best_lines(run: &StoredRun, trial: &PlannedTrial, metric: &str, trials: usize) -> Vec<String> {
    let value =
        run.summary.as_ref().and_then(|summary| summary.best.scores.get(metric)).map_or_else(String::new, |value| score(*value));
    let of = if trials > 1 { format!(", the best of {}", counted(trials, "trial", "trials")) } else { String::new() };
    let checkpoint = match checkpoint(run) {
        Some(path) => path.display().to_string(),
        None => "none kept (checkpoints.keep)".into(),
    };
    vec![format!("best run    {}  {metric} {value} ({}{of})", run.facts.id, trial.label()), format!("checkpoint  {checkpoint}")]
}

/// Returns the folder of a run's best checkpoint, if it was kept.
fn checkpoint(run: &StoredRun) -> Option<PathBuf> {
    let folder = run.path.join(files::CHECKPOINTS);
    let name = std::fs::read_to_string(folder.join("best")).ok()?;
    Some(folder.join(name.trim())).filter(|path| path.is_dir())
}
