//! The plan of a sweep, as `--dry-run` shows it.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Column, Table};
use crate::numbers::{count, counted, duration, score};
use crate::plan::shown;
use crate::sweep::{
    Extended, FoundSweep, Jobs, Lookup, OpenedSweep, Pace, PlannedTrial, SimilarSweep, StateCounts, TrialState,
    variants_and_seeds,
};
use crate::terminal::Width;

/// Formats the number of trials, variants and seeds.
#[must_use]
pub fn sweep_size_text(trials: &[PlannedTrial]) -> String {
    let (variants, seeds) = variants_and_seeds(trials);
    let all =
        [counted(trials.len(), "trial", "trials"), counted(variants, "variant", "variants"), counted(seeds, "seed", "seeds")];
    format!("{}: {}, {}", all[0], all[1], all[2])
}

/// Formats every trial, with its state if the sweep already exists, followed by the remaining steps and time.
#[must_use]
pub fn sweep_plan_text(trials: &[PlannedTrial], states: &[TrialState], pace: &Pace, jobs: Jobs, width: Width) -> String {
    let paths: BTreeSet<&String> = trials.iter().flat_map(|trial| trial.choices.keys()).collect();
    let mut columns = vec![Column::words("trial").optional(3)];
    columns.extend(paths.iter().map(|path| Column::path(path.as_str())));
    columns.extend([Column::number("seed"), Column::number("steps").optional(2), Column::number("time").optional(1)]);
    columns.extend((!states.is_empty()).then(|| Column::words("state")));
    let mut table = Table::new(columns);
    let seconds = |trial: &PlannedTrial| trial.work.units() * pace.seconds_per_example;
    for (index, trial) in trials.iter().enumerate() {
        let mut row = vec![trial.id.clone()];
        row.extend(paths.iter().map(|path| shown(trial.choices.get(*path))));
        row.extend([trial.seed.to_string(), count(trial.steps), duration(seconds(trial))]);
        row.extend(states.get(index).map(state_text));
        table.row(row);
    }
    let is_left = |index: usize| states.get(index).is_none_or(|state| !state.is_final());
    let left: Vec<&PlannedTrial> =
        trials.iter().enumerate().filter(|(index, _)| is_left(*index)).map(|(_, trial)| trial).collect();
    // A plan with more steps than fit in a u64 is a mistake that the table shows.
    let steps = left.iter().fold(0_u64, |sum, trial| sum.saturating_add(trial.steps));
    let total: f64 = left.iter().map(|trial| seconds(trial)).sum();
    let can_stop = left.iter().any(|trial| trial.decides);
    let (most, time) = if can_stop { ("at most ", "at most") } else { ("", "about") };
    let what = if left.len() == trials.len() { String::new() } else { format!(" in the {} that are left", left.len()) };
    let mut lines =
        vec![table.text(width), String::new(), format!("{}; {most}{} steps{what}", sweep_size_text(trials), count(steps))];
    if !left.is_empty() {
        lines.push(format!("{time} {} one after the other, {}", duration(total), pace.source));
    }
    if let Some(trial) = left.iter().find(|trial| trial.decides) {
        let shares: Vec<String> =
            trial.rungs.iter().map(|step| format!("{:.0}%", 100.0 * *step as f64 / trial.steps as f64)).collect();
        lines.push(format!(
            "with the first seed, variants that fall behind are stopped after {} of their steps",
            shares.join(" or ")
        ));
    }
    match jobs {
        Jobs::Auto => {
            lines.push("training as many in parallel as fit in memory and raise total throughput takes less time".into());
        }
        Jobs::Exactly(jobs) if jobs.get() > 1 => {
            lines.push(format!("{jobs} in parallel share this machine: on a CPU that takes hardly any less time"));
        }
        Jobs::Exactly(_) => {}
    }
    lines.join("\n")
}

/// Describes a trial's state in a word or two.
#[must_use]
pub fn state_text(state: &TrialState) -> String {
    match state {
        TrialState::Done(Some(value)) => format!("done ({})", score(*value)),
        TrialState::Done(None) => "done".into(),
        TrialState::Pruned(_) => "stopped early".into(),
        TrialState::Skipped => "not needed".into(),
        TrialState::Failed(_) => "failed".into(),
        TrialState::Running => "running".into(),
        TrialState::Pending => "left".into(),
    }
}

/// Describes the sweep that was found or created. `resume` returns the command that continues a sweep.
#[must_use]
pub fn opened_text(opened: &OpenedSweep, resume: &dyn Fn(&Path) -> String) -> String {
    let path = opened.directory.path().display();
    match &opened.before {
        Lookup::Found(known) => {
            let mut lines = vec![format!("continuing {path}")];
            lines.extend(restored(known));
            lines.extend(added(&known.extended, "added to its plan"));
            lines.extend(other_numerics(&known.extended.trials));
            lines.extend(kept(&known.extended));
            lines.join("\n")
        }
        Lookup::Absent(other) => {
            let mut lines = vec![format!("new sweep {path}")];
            lines.extend(other.iter().flat_map(|other| beside(other, resume)));
            lines.join("\n")
        }
    }
}

/// Describes the sweep that would be found or created.
#[must_use]
pub fn lookup_text(lookup: &Lookup, resume: &dyn Fn(&Path) -> String) -> String {
    match lookup {
        Lookup::Found(known) => {
            let counts = known.directory.counts().unwrap_or_default();
            let mut lines = vec![format!("would continue {}: {}", known.directory.path().display(), counts.text())];
            lines.extend(restored(known).into_iter().map(|line| format!("would restore {line}")));
            lines.extend(added(&known.extended, "would be added to its plan"));
            lines.extend(other_numerics(&known.extended.trials));
            lines.extend(kept(&known.extended));
            lines.join("\n")
        }
        Lookup::Absent(other) => {
            let mut lines = vec!["would start a new sweep".to_string()];
            lines.extend(other.iter().flat_map(|other| beside(other, resume)));
            lines.join("\n")
        }
    }
}

/// Describes trials that were planned under a version of the numerics other than the current one.
#[must_use]
pub fn other_numerics(trials: &[PlannedTrial]) -> Option<String> {
    let others = trials.iter().filter(|trial| trial.numerics != trial.current_numerics());
    let numbers: BTreeSet<(u32, u32)> = others.clone().map(|trial| (trial.numerics, trial.current_numerics())).collect();
    let from_to: Vec<String> = numbers.iter().map(|(planned, now)| format!("{planned}, now {now}")).collect();
    let were = counted(others.count(), "trial was", "trials were");
    (!numbers.is_empty()).then(|| {
        format!(
            "{were} planned under other numerics ({}): finished ones count, and `gluepot compare` tells where a variant has both",
            from_to.join("; ")
        )
    })
}

fn restored(known: &FoundSweep) -> Vec<String> {
    known.restored.iter().map(|what| format!("restored: {what}")).collect()
}

/// Lists the first new trials, and how many more there are.
fn added(extended: &Extended, what: &str) -> Vec<String> {
    const SHOWN: usize = 10;
    if extended.added == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!("{} {what}:", counted(extended.added, "new trial", "new trials"))];
    let new = &extended.trials[extended.trials.len() - extended.added..];
    lines.extend(new.iter().take(SHOWN).map(|trial| format!("  {}", trial.label())));
    if new.len() > SHOWN {
        lines.push(format!("  and {} more", count((new.len() - SHOWN) as u64)));
    }
    lines
}

fn kept(extended: &Extended) -> Vec<String> {
    let settings: Vec<&str> = extended.kept.iter().map(String::as_str).collect();
    if settings.is_empty() {
        return Vec::new();
    }
    vec![format!("the trials in its plan keep their settings: {} (--fresh starts a new sweep)", settings.join("; "))]
}

fn beside(other: &SimilarSweep, resume: &dyn Fn(&Path) -> String) -> Vec<String> {
    let path = other.directory.path();
    let differences = if other.differences.is_empty() {
        "its data, tokenizer or checkpoint differ".to_string()
    } else {
        other.differences.join("; ")
    };
    let mut lines = vec![format!("{} is another sweep ({}): {differences}", path.display(), other.counts.text())];
    let StateCounts { failed, .. } = other.counts;
    if !other.counts.is_finished() || failed > 0 {
        lines.push(format!("continue that one with: {}", resume(path)));
    }
    if other.shared > 0 {
        lines.push(format!("--reuse takes over {} from it", counted(other.shared, "finished trial", "finished trials")));
    }
    lines
}
