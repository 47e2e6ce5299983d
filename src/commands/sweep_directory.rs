//! Commands on a sweep that is there: `gluepot resume`, `show` and `verify` with a sweep's name.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::sweep::print_end;
use super::{complain, pretty, print, warn};
use crate::cli::Resume;
use crate::execute::{SweepOptions, best, best_lines, run_sweep, sweep_command};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::numbers::count;
use crate::progress::Loudness;
use crate::report::{Column, Table, other_numerics, state_text, sweep_size_text};
use crate::runs::{StoredRun, files};
use crate::sweep::{Jobs, Plan, PlannedTrial, StateCounts, SweepDirectory, SweepFacts, TrialState};
use crate::terminal::Width;

/// Runs what is left of a sweep's plan.
pub fn resume(directory: &SweepDirectory, arguments: &Resume) -> Outcome<()> {
    if arguments.epochs.is_some() || !arguments.overrides.set.is_empty() {
        let message = "a sweep's plan is frozen: other settings are another sweep, which `gluepot sweep` starts";
        return Err(Failure::Usage(anyhow!("{message} (only --device, --jobs and --retry-failed apply to a sweep)")));
    }
    let read = || Ok((directory.facts()?, directory.plan()?, directory.trials()?));
    let (facts, plan, trials) = read().map_err(Failure::RunDirectory)?;
    for damage in damages(directory, &facts, &plan) {
        warn(&damage);
    }
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
    if loudness == Loudness::Normal {
        complain(&format!("continuing {}", directory.path().display()));
        if let Some(remark) = other_numerics(&trials) {
            complain(&remark);
        }
    }
    let options = SweepOptions {
        directory,
        metric: (&facts.metric, facts.direction),
        on_failure: facts.on_failure,
        jobs: arguments.jobs.unwrap_or(Jobs::ONE),
        retry_failed: arguments.retry_failed,
        device: arguments.overrides.device.device,
        loudness,
    };
    let hub = Hub::from_env(loudness == Loudness::Normal);
    let driven = run_sweep(&options, trials, &hub, None)?;
    print_end(&options, &driven, &arguments.format)
}

/// What is wrong with a plan, and what restores it.
fn damages(directory: &SweepDirectory, facts: &SweepFacts, plan: &Plan) -> Vec<String> {
    let path = directory.path().join(files::PLAN);
    let mut lines: Vec<String> =
        plan.damaged.iter().map(|(line, reason)| format!("line {line} of {} is left out: {reason}", path.display())).collect();
    if !lines.is_empty() && !facts.command_line.is_empty() {
        let (command, folder) = (facts.command_line.join(" "), &facts.working_folder);
        lines.push(format!("the command that planned it restores it: {command} (in {folder})"));
    } else if !lines.is_empty() {
        lines.push("`gluepot sweep` with the experiment's file restores it".into());
    }
    lines
}

/// A sweep as it stands.
struct Seen {
    facts: SweepFacts,
    plan: Plan,
    trials: Vec<PlannedTrial>,
    states: Vec<TrialState>,
    runs: Vec<StoredRun>,
}

impl Seen {
    fn of(directory: &SweepDirectory) -> anyhow::Result<Self> {
        let trials = directory.trials()?;
        let states = directory.states(&trials, false)?;
        Ok(Self { facts: directory.facts()?, plan: directory.plan()?, states, runs: directory.runs()?, trials })
    }

    /// The run that a trial's state is of.
    fn run(&self, trial: &PlannedTrial) -> Option<&StoredRun> {
        let of_trial = || self.runs.iter().rev().filter(|run| run.facts.trial == trial.id);
        of_trial().find(|run| run.summary.is_some()).or_else(|| of_trial().next())
    }
}

/// Shows a sweep: its trials with their states, the best run, and how to continue.
pub fn show(directory: &SweepDirectory, as_json: bool) -> Outcome<()> {
    let seen = Seen::of(directory).map_err(Failure::RunDirectory)?;
    print(&if as_json { pretty(&json_of(directory, &seen)) } else { text_of(directory, &seen) })
}

fn text_of(directory: &SweepDirectory, seen: &Seen) -> String {
    let Seen { facts, trials, states, runs, .. } = seen;
    let counts = StateCounts::of(states);
    let mut lines = vec![
        format!("{}  {}", facts.name, directory.path().display()),
        format!("{}; {}", sweep_size_text(trials), counts.text()),
        String::new(),
    ];
    let mut table = Table::new(vec![
        Column::text("trial"),
        Column::words("state"),
        Column::words("run"),
        Column::number("steps").optional(1),
    ]);
    for (trial, state) in trials.iter().zip(states) {
        let run = seen.run(trial);
        let steps = run.map_or_else(String::new, |run| format!("{}/{}", count(run.steps_taken()), count(trial.steps)));
        table.row(vec![trial.label(), state_text(state), run.map_or_else(String::new, |run| run.facts.id.clone()), steps]);
    }
    lines.push(table.text(Width::of_stdout()));
    lines.push(String::new());
    let metric = (facts.metric.as_str(), facts.direction);
    lines.extend(best(runs, trials, metric).into_iter().flat_map(|(run, trial)| best_lines(run, trial, metric.0, counts.done)));
    lines.extend(damages(directory, facts, &seen.plan));
    if counts.left > 0 {
        lines.push(format!("continue    {}", sweep_command("resume", directory.path())));
    } else if counts.failed > 0 {
        lines.push(format!("retry       {} --retry-failed", sweep_command("resume", directory.path())));
    }
    lines.push(format!("compare     {}", sweep_command("compare", directory.path())));
    lines.join("\n")
}

/// A sweep for programs.
pub(super) fn json(directory: &SweepDirectory) -> Outcome<Value> {
    Seen::of(directory).map(|seen| json_of(directory, &seen)).map_err(Failure::RunDirectory)
}

fn json_of(directory: &SweepDirectory, seen: &Seen) -> Value {
    let Seen { facts, trials, states, runs, .. } = seen;
    let metric = (facts.metric.as_str(), facts.direction);
    let trial = |(trial, state): (&PlannedTrial, &TrialState)| {
        let run = seen.run(trial);
        let summary = run.and_then(|run| run.summary.as_ref());
        json!({
            "id": trial.id,
            "variant": trial.variant,
            "choices": trial.choices,
            "seed": trial.seed,
            "steps": trial.steps,
            "state": state.name(),
            "run": run.map(|run| json!({ "id": run.facts.id, "path": run.path, "status": run.status() })),
            "score": summary.and_then(|summary| summary.best.scores.get(metric.0)),
        })
    };
    let best = best(runs, trials, metric).map(|(run, _)| run.facts.id.clone());
    json!({
        "path": directory.path(),
        "sweep": facts,
        "counts": StateCounts::of(states),
        "trials": trials.iter().zip(states).map(trial).collect::<Vec<_>>(),
        "best": best,
    })
}
