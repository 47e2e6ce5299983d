//! Tables of runs and sweeps, one per row.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Column, Table};
use crate::compare::ComparedRun;
use crate::numbers::{count, duration, score};
use crate::plan::shown;
use crate::sweep::{PlannedTrial, RankingMetric, StateCounts, TaskTrials, TrialState, by_task};

/// A sweep and the states of its trials.
pub struct ListedSweep {
    /// The directory's name.
    pub name: String,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// Settings that vary.
    pub varies: Vec<String>,
    /// The metric that ranks its variants; `None` if each task has its own.
    pub ranked_by: Option<RankingMetric>,
    pub trials: Vec<PlannedTrial>,
    pub states: Vec<TrialState>,
}

/// The best score of any trial of a task.
pub struct TaskBest {
    pub task: String,
    pub metric: String,
    pub score: f64,
}

impl ListedSweep {
    /// Counts the trials in each state.
    #[must_use]
    pub fn counts(&self) -> StateCounts {
        StateCounts::of(&self.states)
    }

    /// Returns whether its trials are of several tasks, whose scores cannot be ranked with each other.
    #[must_use]
    pub fn has_tasks(&self) -> bool {
        by_task(&self.trials, None).len() > 1
    }

    /// Returns the best score of each task that has one.
    #[must_use]
    pub fn best(&self) -> Vec<TaskBest> {
        let score = |index: &usize| if let Some(TrialState::Done(score)) = self.states.get(*index) { *score } else { None };
        let best = |TaskTrials { task, metric: RankingMetric { metric, direction }, trials }: TaskTrials<'_>| {
            let scores = trials.iter().filter_map(score);
            let score = scores.reduce(|best, next| if direction.improves(next, best) { next } else { best })?;
            Some(TaskBest { task: task.into(), metric, score })
        };
        by_task(&self.trials, self.ranked_by.as_ref()).into_iter().filter_map(best).collect()
    }
}

/// Returns a table with a row for each sweep.
#[must_use]
pub fn sweeps_table(sweeps: &[&ListedSweep]) -> Table {
    let mut table = Table::new(vec![
        // Never shortened, because users type it again.
        Column::words("sweep"),
        Column::words("created (UTC)").optional(4),
        Column::text("varies").optional(3),
        Column::number("trials"),
        Column::number("done"),
        Column::number("failed"),
        Column::number("stopped early").optional(1),
        Column::number("running").optional(2),
        Column::number("left"),
        // Of several tasks, each has a best score.
        if sweeps.iter().any(|sweep| sweep.has_tasks()) { Column::text("best") } else { Column::words("best") },
    ]);
    for sweep in sweeps {
        let StateCounts { trials, done, failed, stopped, running, left } = sweep.counts();
        let named = |best: &TaskBest| {
            let task = if sweep.has_tasks() { format!("{} ", best.task) } else { String::new() };
            format!("{task}{} {}", best.metric, score(best.score))
        };
        let best = sweep.best().iter().map(named).collect::<Vec<_>>().join(", ");
        let mut row = vec![sweep.name.clone(), sweep.created.format("%Y-%m-%d %H:%M").to_string(), sweep.varies.join(", ")];
        row.extend([trials, done, failed, stopped, running, left].map(|number| count(number as u64)));
        row.push(best);
        table.row(row);
    }
    table
}

/// Returns a table with a row for each run.
#[must_use]
pub fn runs_table(runs: &[ComparedRun]) -> Table {
    let mut table = Table::new(vec![
        Column::words("id"),
        Column::words("started (UTC)").optional(2),
        Column::path("name"),
        Column::words("task").optional(3),
        Column::words("status"),
        Column::words("best"),
        Column::number("steps").optional(4),
        Column::words("time").optional(5),
        Column::text("differs in").optional(1),
    ]);
    for (run, differs) in runs.iter().map(|run| &run.run).zip(differences(runs)) {
        let best = run.summary.as_ref().map_or(String::new(), |summary| {
            let value = summary.best.scores.get(&summary.metric).map_or("?".into(), |value| score(*value));
            let collapsed = if summary.collapsed { " (collapsed)" } else { "" };
            format!("{} {value}{collapsed}", summary.metric)
        });
        let time = run.summary.as_ref().map_or(String::new(), |summary| duration(summary.duration_seconds));
        let steps = run.steps_taken();
        table.row(vec![
            run.facts.id.clone(),
            run.facts.started.format("%Y-%m-%d %H:%M").to_string(),
            run.facts.name.clone(),
            run.facts.task.clone(),
            run.status().to_string(),
            best,
            if run.summary.is_some() { steps.to_string() } else { format!("{steps}/{}", run.facts.steps) },
            time,
            differs,
        ]);
    }
    table
}

/// Returns, for each run, the settings in which it differs from others of its name.
fn differences(runs: &[ComparedRun]) -> Vec<String> {
    let mut values: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    let paths: BTreeSet<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    for run in runs.iter().filter(|run| !run.settings.is_empty()) {
        for path in &paths {
            values.entry((&run.run.facts.name, path.as_str())).or_default().insert(shown(run.settings.get(*path)));
        }
    }
    let of_run = |run: &ComparedRun| {
        let name = run.run.facts.name.as_str();
        let differing = paths.iter().filter(|path| values.get(&(name, path.as_str())).is_some_and(|values| values.len() > 1));
        let words: Vec<String> = differing.map(|path| format!("{path} {}", shown(run.settings.get(*path)))).collect();
        words.join(", ")
    };
    runs.iter().map(of_run).collect()
}
