//! What is said at the end of a sweep: the comparison, the best run, and what to do next.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::compare::{ComparedRun, Comparison, Options, compare};
use crate::failure::{Failure, Outcome};
use crate::report::{SweepView, best, best_lines, comparison_text};
use crate::runs::files;
use crate::sweep::{Driven, PlannedTrial, StateCounts, SweepDirectory, TrialState};
use crate::task::metrics::Direction;
use crate::terminal::Width;

/// What a sweep has come to.
pub struct SweepEnd {
    directory: SweepDirectory,
    /// The comparisons of its runs; none where no run can be read.
    comparisons: Vec<Comparison>,
    /// The best run, and what to do next.
    lines: Vec<String>,
    /// Runs that cannot be read or found.
    pub warnings: Vec<String>,
    /// How the command ends.
    pub outcome: Outcome<()>,
}

/// Compares what a sweep has come to.
pub fn close(directory: &SweepDirectory, driven: &Driven, metric: (&str, Direction)) -> Outcome<SweepEnd> {
    let inventory = directory.inventory().map_err(Failure::RunDirectory)?;
    let mut warnings: Vec<String> = inventory.unreadable.iter().map(|error| format!("{error:#}")).collect();
    let mut readable = Vec::new();
    let best = best(&inventory.runs, &driven.trials, metric);
    let best = best.map(|(run, trial)| best_lines(run, trial, metric.0, StateCounts::of(&driven.states).done));
    for run in inventory.runs {
        match ComparedRun::new(run) {
            Ok(run) => readable.push(run),
            Err(error) => warnings.push(format!("{error:#}")),
        }
    }
    let options = Options { metric: Some(metric.0.into()), ..Options::default() };
    let comparisons = if readable.is_empty() {
        Vec::new()
    } else {
        compare(&readable, &options).map_err(|problem| Failure::Usage(anyhow!(problem)))?
    };
    let mut lines = Vec::new();
    lines.extend(best.into_iter().flatten());
    lines.push(format!("next        {} -o report.html", sweep_command("report", directory.path())));
    Ok(SweepEnd { directory: directory.clone(), comparisons, lines, warnings, outcome: outcome(directory, driven) })
}

impl SweepEnd {
    /// The comparisons, the best run and what to do next; none where nothing can be compared.
    #[must_use]
    pub fn text(&self, width: Width) -> Option<String> {
        let comparisons = self.comparisons.iter().map(|comparison| comparison_text(comparison, width));
        let parts: Vec<String> = comparisons.chain([self.lines.join("\n")]).collect();
        (!self.comparisons.is_empty()).then(|| parts.join("\n\n"))
    }

    /// The sweep with its comparisons, for programs.
    pub fn json(&self) -> Outcome<Value> {
        let mut sweep = SweepView::of(&self.directory).map_err(Failure::RunDirectory)?.json();
        sweep["comparisons"] = json!(self.comparisons);
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

/// The log of a trial's last run.
fn log_of(directory: &SweepDirectory, trial: &PlannedTrial) -> Result<Option<PathBuf>> {
    let runs = directory.runs()?;
    Ok(runs.iter().rev().find(|run| run.facts.trial == trial.id).map(|run| run.path.join(files::LOG)).filter(|log| log.exists()))
}

/// A command about a sweep, as a shell reads it.
#[must_use]
pub fn sweep_command(verb: &str, path: &Path) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "gluepot".into());
    format!("{} {verb} {}", quoted(&program), quoted(&path.display().to_string()))
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
