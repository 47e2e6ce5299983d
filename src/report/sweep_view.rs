//! One sweep, as `gluepot show` prints it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{BestRun, Column, Table, best_runs, state_text, sweep_size_text};
use crate::numbers::count;
use crate::runs::{StoredRun, files};
use crate::sweep::{Plan, PlannedTrial, RankingMetric, StateCounts, SweepDirectory, SweepFacts, TrialState, by_task};
use crate::terminal::Width;

/// The current state of a sweep.
pub struct SweepView {
    directory: SweepDirectory,
    facts: SweepFacts,
    plan: Plan,
    trials: Vec<PlannedTrial>,
    states: Vec<TrialState>,
    runs: Vec<StoredRun>,
}

impl SweepView {
    /// Reads everything about a sweep.
    pub fn of(directory: &SweepDirectory) -> anyhow::Result<Self> {
        let trials = directory.trials()?;
        let states = directory.states(&trials, false)?;
        let (facts, plan, runs) = (directory.facts()?, directory.plan()?, directory.runs()?);
        Ok(Self { directory: directory.clone(), facts, plan, states, runs, trials })
    }

    /// Returns the run that a trial's state refers to.
    fn run(&self, trial: &PlannedTrial) -> Option<&StoredRun> {
        let of_trial = || self.runs.iter().rev().filter(|run| run.facts.trial == trial.id);
        of_trial().find(|run| run.summary.is_some()).or_else(|| of_trial().next())
    }

    /// Formats its trials with their states, the best run, and how to continue; `command` returns a command about a sweep.
    #[must_use]
    pub fn text(&self, command: &dyn Fn(&str, &Path) -> String, width: Width) -> String {
        let Self { directory, facts, trials, states, runs, plan } = self;
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
            let run = self.run(trial);
            let steps = run.map_or_else(String::new, |run| format!("{}/{}", count(run.steps_taken()), count(trial.steps)));
            table.row(vec![trial.label(), state_text(state), run.map_or_else(String::new, |run| run.facts.id.clone()), steps]);
        }
        lines.push(table.text(width));
        lines.push(String::new());
        lines.extend(best_runs(runs, trials, states, facts.ranked_by.as_ref()).iter().flat_map(BestRun::lines));
        lines.extend(plan_damages(directory, facts, plan));
        if counts.left > 0 {
            lines.push(format!("continue    {}", command("resume", directory.path())));
        } else if counts.failed > 0 {
            lines.push(format!("retry       {} --retry-failed", command("resume", directory.path())));
        }
        lines.push(format!("compare     {}", command("compare", directory.path())));
        lines.join("\n")
    }

    /// Returns the same as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { directory, facts, trials, states, runs, .. } = self;
        let trial = |(trial, state): (&PlannedTrial, &TrialState)| {
            let run = self.run(trial);
            let summary = run.and_then(|run| run.summary.as_ref());
            let RankingMetric { metric, .. } = RankingMetric::of(facts.ranked_by.as_ref(), trial);
            json!({
                "id": trial.id,
                "variant": trial.variant,
                "choices": trial.choices,
                "seed": trial.seed,
                "steps": trial.steps,
                "state": state.name(),
                "run": run.map(|run| json!({ "id": run.facts.id, "path": run.path, "status": run.status() })),
                "score": summary.and_then(|summary| summary.best.scores.get(&metric)),
            })
        };
        let best = best_runs(runs, trials, states, facts.ranked_by.as_ref());
        let of_task = |best: &BestRun<'_>| (best.trial.task().to_string(), json!(best.run.facts.id));
        let is_one_task = by_task(trials, None).len() == 1;
        let mut json = json!({
            "path": directory.path(),
            "sweep": facts,
            "counts": StateCounts::of(states),
            "trials": trials.iter().zip(states).map(trial).collect::<Vec<_>>(),
            "best": best.first().filter(|_| is_one_task).map(|best| &best.run.facts.id),
        });
        if !is_one_task {
            json["best_by_task"] = best.iter().map(of_task).collect::<Map<String, Value>>().into();
        }
        json
    }
}

/// Describes what is wrong with a plan, and what restores it.
#[must_use]
pub fn plan_damages(directory: &SweepDirectory, facts: &SweepFacts, plan: &Plan) -> Vec<String> {
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
