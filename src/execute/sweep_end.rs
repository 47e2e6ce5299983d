//! Output at the end of a sweep: the comparison, the best run, and what to do next.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::compare::{ComparedRun, Comparison, Options, TaskMatrix, compare, task_matrix};
use crate::failure::{Failure, Outcome};
use crate::report::{BestRun, SweepView, best_runs, comparison_text, matrix_json, matrix_text};
use crate::runs::files;
use crate::sweep::{Driven, PlannedTrial, RankingMetric, StateCounts, SweepDirectory, TrialState};
use crate::terminal::Width;

/// The result of a sweep.
pub struct SweepEnd {
    directory: SweepDirectory,
    /// The comparisons of its runs; empty if no run can be read.
    comparisons: Vec<Comparison>,
    /// The table over tasks, if there are several.
    tasks: Option<TaskMatrix>,
    /// The best run, and what to do next.
    lines: Vec<String>,
    /// Warnings about runs that cannot be read.
    pub warnings: Vec<String>,
    /// Outcome of the command.
    pub outcome: Outcome<()>,
}

/// Compares the runs of a sweep that has ended.
pub fn close(directory: &SweepDirectory, driven: &Driven, ranked_by: Option<&RankingMetric>) -> Outcome<SweepEnd> {
    let inventory = directory.inventory().map_err(Failure::RunDirectory)?;
    let mut warnings: Vec<String> = inventory.unreadable.iter().map(|error| format!("{error:#}")).collect();
    let mut readable = Vec::new();
    let best = best_runs(&inventory.runs, &driven.trials, &driven.states, ranked_by);
    let best: Vec<String> = best.iter().flat_map(BestRun::lines).collect();
    for run in inventory.runs {
        match ComparedRun::new(run) {
            Ok(run) => readable.push(run),
            Err(error) => warnings.push(format!("{error:#}")),
        }
    }
    let options = Options { metric: ranked_by.map(|ranked_by| ranked_by.metric.clone()), ..Options::default() };
    let comparisons = if readable.is_empty() {
        Vec::new()
    } else {
        compare(&readable, &options).map_err(|problem| Failure::Usage(anyhow!(problem)))?
    };
    let tasks = task_matrix(&readable, &options, &comparisons).ok();
    let mut lines = Vec::new();
    lines.extend(best);
    lines.push(format!("next        {} -o report.html", sweep_command("report", directory.path())));
    Ok(SweepEnd { directory: directory.clone(), comparisons, tasks, lines, warnings, outcome: outcome(directory, driven) })
}

impl SweepEnd {
    /// Formats the comparisons, the best run and what to do next; `None` if nothing can be compared.
    #[must_use]
    pub fn text(&self, width: Width) -> Option<String> {
        let tasks = self.tasks.iter().map(|matrix| matrix_text(matrix, width));
        let comparisons = self.comparisons.iter().map(|comparison| comparison_text(comparison, width));
        let parts: Vec<String> = tasks.chain(comparisons).chain([self.lines.join("\n")]).collect();
        (!self.comparisons.is_empty()).then(|| parts.join("\n\n"))
    }

    /// Returns the sweep with its comparisons as JSON.
    pub fn json(&self) -> Outcome<Value> {
        let mut sweep = SweepView::of(&self.directory).map_err(Failure::RunDirectory)?.json();
        sweep["comparisons"] = json!(self.comparisons);
        if let Some(matrix) = &self.tasks {
            sweep["tasks"] = matrix_json(matrix);
        }
        Ok(sweep)
    }
}

fn outcome(directory: &SweepDirectory, driven: &Driven) -> Outcome<()> {
    let trials = &driven.trials;
    let again = sweep_command("resume", directory.path());
    let counts = StateCounts::of(&driven.states);
    if driven.interrupted {
        let left = counts.left + counts.running;
        return Err(Failure::Interrupted(format!(
            "interrupted with {left} of {} trials left; continue with: {again}",
            trials.len()
        )));
    }
    let mut failed = trials.iter().zip(&driven.states).filter(|(_, state)| matches!(state, TrialState::Failed(_)));
    let Some((first, _)) = failed.next() else { return Ok(()) };
    let log = directory.log(&first.id);
    let log = log_of(directory, first).ok().flatten().unwrap_or(log);
    Err(Failure::Trials(format!(
        "{} of {} trials failed; see {}; retry them with: {again} --retry-failed",
        counts.failed,
        trials.len(),
        log.display()
    )))
}

/// Returns the log of a trial's last run.
fn log_of(directory: &SweepDirectory, trial: &PlannedTrial) -> Result<Option<PathBuf>> {
    let runs = directory.runs()?;
    Ok(runs.iter().rev().find(|run| run.facts.trial == trial.id).map(|run| run.path.join(files::LOG)).filter(|log| log.exists()))
}

/// Returns a command about a sweep, quoted for a shell.
#[must_use]
pub fn sweep_command(verb: &str, path: &Path) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "gluepot".into());
    format!("{} {verb} {}", quoted(&program), quoted(&path.display().to_string()))
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
