//! The plan of a sweep, as `--dry-run` shows it.

use std::collections::BTreeSet;

use super::{Column, Table, count, counted, duration};
use crate::progress::units;
use crate::runs::shown;
use crate::sweep::{Jobs, PlannedTrial};
use crate::terminal::Width;

/// How long an example takes to learn from.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Seconds for each example.
    pub seconds_per_example: f64,
    /// Where that is known from.
    pub source: String,
}

/// How many trials there are, of how many variants and seeds.
#[must_use]
pub fn sweep_size_text(trials: &[PlannedTrial]) -> String {
    let variants = trials.iter().map(|trial| trial.variant).max().unwrap_or(0);
    let seeds = trials.len() / variants.max(1);
    let all =
        [counted(trials.len(), "trial", "trials"), counted(variants, "variant", "variants"), counted(seeds, "seed", "seeds")];
    format!("{}: {}, {}", all[0], all[1], all[2])
}

/// Every trial, then the steps and the time of all.
#[must_use]
pub fn sweep_plan_text(trials: &[PlannedTrial], pace: &Pace, jobs: Jobs, width: Width) -> String {
    let paths: BTreeSet<&String> = trials.iter().flat_map(|trial| trial.choices.keys()).collect();
    let mut columns = vec![Column::words("trial").optional(3)];
    columns.extend(paths.iter().map(|path| Column::path(path.as_str())));
    columns.extend([Column::number("seed"), Column::number("steps").optional(2), Column::number("time").optional(1)]);
    let mut table = Table::new(columns);
    let seconds = |trial: &PlannedTrial| units(trial) * pace.seconds_per_example;
    for trial in trials {
        let mut row = vec![trial.id.clone()];
        row.extend(paths.iter().map(|path| shown(trial.choices.get(*path))));
        row.extend([trial.seed.to_string(), count(trial.steps), duration(seconds(trial))]);
        table.row(row);
    }
    let steps: u64 = trials.iter().map(|trial| trial.steps).sum();
    let total: f64 = trials.iter().map(seconds).sum();
    let can_stop = trials.iter().any(|trial| trial.decides);
    let (most, time) = if can_stop { ("at most ", "at most") } else { ("", "about") };
    let mut lines = vec![
        table.text(width),
        String::new(),
        format!("{}; {most}{} steps", sweep_size_text(trials), count(steps)),
        format!("{time} {} one after the other, {}", duration(total), pace.source),
    ];
    if let Some(trial) = trials.iter().find(|trial| trial.decides) {
        let shares: Vec<String> =
            trial.rungs.iter().map(|step| format!("{:.0} %", 100.0 * *step as f64 / trial.steps as f64)).collect();
        lines.push(format!(
            "with the first seed, variants that fall behind are stopped after {} of their steps",
            shares.join(" or ")
        ));
    }
    match jobs {
        Jobs::Auto => lines.push("as many at once as fit and help take less than that".into()),
        Jobs::Exactly(jobs) if jobs.get() > 1 => {
            lines.push(format!("{jobs} at once share this machine: on a CPU that takes hardly any less time"));
        }
        Jobs::Exactly(_) => {}
    }
    lines.join("\n")
}
