//! The best runs of a sweep: one for each task, because scores of different tasks cannot be ranked.

use std::path::PathBuf;

use crate::numbers::{counted, score};
use crate::runs::{StoredRun, files};
use crate::sweep::{PlannedTrial, RankingMetric, TrialState, by_task};

/// The finished run with the best score on its task.
pub struct BestRun<'a> {
    pub run: &'a StoredRun,
    pub trial: &'a PlannedTrial,
    metric: String,
    score: f64,
    /// Number of finished trials of this task.
    finished: usize,
}

/// Returns the best run of each task, in the order of the plan. `ranked_by` is the metric of the sweep, `None` if each task has
/// its own.
#[must_use]
pub fn best_runs<'a>(
    runs: &'a [StoredRun],
    trials: &'a [PlannedTrial],
    states: &[TrialState],
    ranked_by: Option<&RankingMetric>,
) -> Vec<BestRun<'a>> {
    let mut found = Vec::new();
    for of_task in by_task(trials, ranked_by) {
        let RankingMetric { metric, direction } = of_task.metric;
        let is_done = |index: &&usize| matches!(states.get(**index), Some(TrialState::Done(_)));
        let finished = of_task.trials.iter().filter(is_done).count();
        let mut best: Option<BestRun<'_>> = None;
        for run in runs {
            let own = || of_task.trials.iter().map(|index| &trials[*index]).find(|trial| trial.id == run.facts.trial);
            let score = run.summary.as_ref().and_then(|summary| summary.best.scores.get(&metric).copied());
            if let Some((trial, score)) = own().zip(score.filter(|score| score.is_finite()))
                && best.as_ref().is_none_or(|best| direction.improves(score, best.score))
            {
                best = Some(BestRun { run, trial, metric: metric.clone(), score, finished });
            }
        }
        found.extend(best);
    }
    found
}

impl BestRun<'_> {
    /// Formats the run, its score and its checkpoint.
    #[must_use]
    pub fn lines(&self) -> [String; 2] {
        let Self { run, trial, metric, finished, .. } = self;
        let of = if *finished > 1 { format!(", the best of {}", counted(*finished, "trial", "trials")) } else { String::new() };
        let checkpoint = match checkpoint(run) {
            Some(path) => path.display().to_string(),
            None => "none kept (checkpoints.keep)".into(),
        };
        let value = score(self.score);
        [format!("best run    {}  {metric} {value} ({}{of})", run.facts.id, trial.label()), format!("checkpoint  {checkpoint}")]
    }
}

/// Returns the folder of a run's best checkpoint, if it was kept.
fn checkpoint(run: &StoredRun) -> Option<PathBuf> {
    let folder = run.path.join(files::CHECKPOINTS);
    let name = std::fs::read_to_string(folder.join("best")).ok()?;
    Some(folder.join(name.trim())).filter(|path| path.is_dir())
}
