//! Notes on the runs behind the numbers, so that nothing is left out silently.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::names;
use super::evaluation_basis::{Basis, EvaluationBasis};
use super::group::{Group, Grouped};
use super::guessing::Guessing;
use super::note::{Note, few};
use super::select::ComparedRun;
use super::variant::{Comparison, Variant};
use crate::numbers::{counted, score};
use crate::runs::{RESUMED, Status};
use crate::settings::{CHECKPOINT, DATA_SOURCE};

/// What is known besides the comparison itself.
pub(super) struct NoteContext<'a> {
    pub grouped: &'a Grouped<'a>,
    pub evaluations: &'a EvaluationBasis,
    pub guessing: Option<&'a Guessing>,
    /// Metrics that picked the runs' best checkpoints.
    pub judges: BTreeSet<&'a str>,
    /// Runs on the same data that another metric judged, which are compared elsewhere: their number by metric.
    pub elsewhere: BTreeMap<String, usize>,
    /// For each row of the table, the index of its group.
    pub order: &'a [usize],
}

impl NoteContext<'_> {
    fn group(&self, place: usize) -> &Group<'_> {
        &self.grouped.groups[self.order[place]]
    }

    /// Returns runs of all groups, in the order of the table.
    fn runs(&self, of: impl for<'b> Fn(&'b Group<'_>) -> Vec<&'b ComparedRun>) -> Vec<&ComparedRun> {
        (0..self.order.len()).flat_map(|place| of(self.group(place))).collect()
    }
}

/// Returns every note on a comparison.
pub(super) fn notes(comparison: &Comparison, found: &NoteContext<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    notes.extend(evaluations(comparison, found));
    notes.extend(elsewhere(comparison, found));
    notes.extend(repeats(found));
    notes.extend(unfinished(found));
    notes.extend(pruned(found));
    notes.extend(lacking(comparison, found));
    notes.extend(unmatched(comparison, found));
    notes.extend(averaged(found));
    notes.extend(unpaired(comparison));
    notes.extend(same_files(found));
    notes.extend(resumed(found));
    notes.extend(computed_by(comparison));
    notes.extend(guessing(comparison, found));
    notes
}

fn note(kind: &'static str, runs: &[&ComparedRun], text: String) -> Option<Note> {
    let runs: Vec<String> = runs.iter().map(|run| run.run.facts.id.clone()).collect();
    (!runs.is_empty()).then_some(Note { kind, count: runs.len(), runs, text })
}

fn ids(runs: &[&ComparedRun]) -> String {
    few(&runs.iter().map(|run| run.run.facts.id.clone()).collect::<Vec<_>>())
}

fn evaluations(comparison: &Comparison, found: &NoteContext<'_>) -> Option<Note> {
    let percent = |share: &f64| {
        let text = format!("{:.1}", 100.0 * share);
        format!("{}%", text.trim_end_matches(".0"))
    };
    let used = match comparison.basis {
        Basis::Best => return None,
        Basis::Last => "the last evaluation, the only one that all runs have".to_string(),
        Basis::Common => {
            let shares: Vec<String> = comparison.steps_used.iter().map(percent).collect();
            format!("the best of the {} evaluations that all runs have (after {} of training)", shares.len(), few(&shares))
        }
    };
    let counts = comparison.variants.iter().filter_map(|variant| variant.evaluations);
    let range = counts.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let why = if found.judges.len() > 1 {
        let judges: Vec<&str> = found.judges.iter().copied().collect();
        let metric = &comparison.metric;
        format!(
            "The best checkpoints were picked by different metrics ({}); here all runs are judged by {metric}",
            judges.join(", ")
        )
    } else {
        let times = match range {
            Some((low, high)) if low < high => format!("{low} to {high} times, "),
            _ => String::new(),
        };
        format!(
            "Runs were evaluated {times}at different points of training; the best of more evaluations is better by chance alone"
        )
    };
    let text = format!(
        "{why}. Scores, differences and p-values are from {used}; \"own best\" is the best of all evaluations of each run."
    );
    let runs = found.runs(|group| group.counted.clone());
    let unknown: Vec<&ComparedRun> = runs.iter().copied().filter(|run| !found.evaluations.is_known(run)).collect();
    let text = if unknown.is_empty() || comparison.basis == Basis::Common {
        text
    } else {
        format!("{text} For {} metrics/eval.csv cannot be used: {}.", counted(unknown.len(), "run", "runs"), ids(&unknown))
    };
    note("evaluations", &runs, text)
}

fn elsewhere(comparison: &Comparison, found: &NoteContext<'_>) -> Option<Note> {
    let count: usize = found.elsewhere.values().sum();
    let metrics: Vec<String> = found.elsewhere.iter().map(|(metric, n)| format!("{n} by {metric}")).collect();
    let runs = counted(count, "other run", "other runs");
    let text = format!(
        "{runs} on the same data picked their best checkpoints by another metric ({}) and are compared in tables of their own; --metric {} compares all by it.",
        metrics.join(", "),
        comparison.metric
    );
    (count > 0).then_some(Note { kind: "other_metric", count, runs: Vec::new(), text })
}

fn repeats(found: &NoteContext<'_>) -> Option<Note> {
    let runs = found.runs(|group| group.repeats.clone());
    let repeat = counted(runs.len(), "run repeats", "runs repeat");
    note("repeated", &runs, format!("{repeat} a seed of the same variant; only the newest counts. Not counted: {}.", ids(&runs)))
}

fn unfinished(found: &NoteContext<'_>) -> Option<Note> {
    let runs = found.runs(|group| group.open.iter().copied().filter(|run| run.run.status() != Status::Pruned).collect());
    let mut by_status: BTreeMap<&str, Vec<&ComparedRun>> = BTreeMap::new();
    for run in &runs {
        by_status.entry(super::group::standing(run.run.status())).or_default().push(run);
    }
    let parts: Vec<String> = by_status.iter().map(|(status, runs)| format!("{} {status} ({})", runs.len(), ids(runs))).collect();
    let seeds = counted(runs.len(), "training has", "trainings have");
    note("unfinished", &runs, format!("{seeds} no finished run and no score here: {}.", parts.join(", ")))
}

fn pruned(found: &NoteContext<'_>) -> Option<Note> {
    let of = |group: &Group<'_>| group.open.iter().copied().filter(|run| run.run.status() == Status::Pruned).count();
    let variants = found.grouped.groups.iter().filter(|group| of(group) > 0).count();
    let runs = found.runs(|group| group.open.iter().copied().filter(|run| run.run.status() == Status::Pruned).collect());
    let variants = counted(variants, "variant was", "variants were");
    note(
        "pruned",
        &runs,
        format!("{variants} stopped early for falling behind with the first seed, which does not prove that they are worse."),
    )
}

fn lacking(comparison: &Comparison, found: &NoteContext<'_>) -> Option<Note> {
    let runs = found.runs(|group| group.lacking.clone());
    let have = counted(runs.len(), "finished run has", "finished runs have");
    let text = format!(
        "{have} no score of {} and {} not count: {}.",
        comparison.metric,
        if runs.len() == 1 { "does" } else { "do" },
        ids(&runs)
    );
    note("lacking", &runs, text)
}

/// Describes what is left out of averages over other settings.
fn unmatched(comparison: &Comparison, found: &NoteContext<'_>) -> Option<Note> {
    let runs = found.runs(|group| group.unmatched.clone());
    let label = |group: usize| {
        let place = found.order.iter().position(|other| *other == group).unwrap_or(0);
        comparison.variants[place].label(&comparison.columns)
    };
    let reasons: Vec<String> = found
        .grouped
        .unmatched
        .iter()
        .map(|block| {
            let without: Vec<String> = block.without.iter().map(|group| label(*group)).collect();
            let missing =
                if without.is_empty() { "no seed in common".into() } else { format!("no finished run for {}", few(&without)) };
            format!("{} has {missing}", block.label)
        })
        .collect();
    let reasons = if reasons.is_empty() {
        "not every seed has a finished run in every combination of settings".into()
    } else {
        few(&reasons)
    };
    let are = counted(runs.len(), "finished run is", "finished runs are");
    let rest = if found.grouped.blocks == 0 { " Nothing is left to compare." } else { "" };
    note("unmatched", &runs, format!("{are} left out, because only equal other settings can be compared: {reasons}.{rest}"))
}

/// Describes how many combinations of other settings scores are averaged over.
fn averaged(found: &NoteContext<'_>) -> Option<Note> {
    let count = found.grouped.blocks;
    let mixed = " Not every seed has all of them, so means and intervals mix unlike runs; differences do not.";
    let rest = if found.grouped.uneven { mixed } else { "" };
    let text = format!(
        "Scores are means over {count} combinations of the other settings, the same on both sides of a difference.{rest}"
    );
    (count > 1).then_some(Note { kind: "averaged", count, runs: Vec::new(), text })
}

fn unpaired(comparison: &Comparison) -> Option<Note> {
    let base = comparison.variants[comparison.reference].scores.len();
    let (mut count, mut alike) = (0, BTreeMap::<String, Vec<String>>::new());
    for variant in &comparison.variants {
        let Some(pairing) = &variant.pairing else { continue };
        let (own, reference) = (pairing.own.len(), pairing.reference.len());
        if own + reference == 0 {
            continue;
        }
        count += own + reference;
        let how = if pairing.is_by_seed(variant.scores.len(), base) {
            let shared = counted(pairing.shared, "shared seed", "shared seeds");
            format!("over {shared}, without {own} of its own and {reference} of the reference's")
        } else {
            "as independent samples, because fewer than two seeds are shared".into()
        };
        alike.entry(how).or_default().push(variant.label(&comparison.columns));
    }
    let texts: Vec<String> = alike.into_iter().map(|(how, labels)| format!("{how}: {}", few(&labels))).collect();
    let seeds = counted(count, "seed has", "seeds have");
    let text = format!("{seeds} no counterpart in the reference or in the variant. Compared {}.", texts.join("; "));
    (count > 0).then_some(Note { kind: "unpaired", count, runs: Vec::new(), text })
}

fn same_files(found: &NoteContext<'_>) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    for place in 0..found.order.len() {
        let runs = &found.group(place).runs;
        for (path, what) in [(CHECKPOINT, "checkpoint"), (DATA_SOURCE, "data set")] {
            let names = names(runs, path);
            let text = format!("{} hold the same files and count as one {what}.", names.join(" and "));
            if names.len() > 1 && notes.iter().all(|note| note.text != text) {
                notes.extend(note("same_files", runs, text));
            }
        }
    }
    notes
}

fn resumed(found: &NoteContext<'_>) -> Option<Note> {
    let runs: Vec<&ComparedRun> =
        found.runs(|group| group.runs.clone()).into_iter().filter(|run| run.deciding.contains_key(RESUMED)).collect();
    let were = counted(runs.len(), "run was", "runs were");
    let text = format!("{were} resumed under another schedule, which is another training than one planned so: {}.", ids(&runs));
    note("resumed", &runs, text)
}

fn computed_by(comparison: &Comparison) -> Vec<Note> {
    let of = |variant: &Variant| {
        let parts: Vec<String> = variant
            .computed_by
            .iter()
            .map(|(part, counts)| {
                let counts: Vec<String> = counts.iter().map(|(value, n)| format!("{value}: {n}")).collect();
                format!("{} ({})", part.replace('_', " "), counts.join(", "))
            })
            .collect();
        let text = format!(
            "The runs of {} were not all computed by the same {}, which changes scores as a seed does.",
            variant.label(&comparison.columns),
            parts.join(", ")
        );
        Note { kind: "computed_by", count: variant.runs.len(), runs: variant.runs.clone(), text }
    };
    comparison.variants.iter().filter(|variant| !variant.computed_by.is_empty()).map(of).collect()
}

fn guessing(comparison: &Comparison, found: &NoteContext<'_>) -> Vec<Note> {
    let sum = |of: fn(&Variant) -> usize| comparison.variants.iter().map(of).sum::<usize>();
    let plain = |kind, count, text| Note { kind, count, runs: Vec::new(), text };
    let mut notes = Vec::new();
    let (collapsed, guessing) = (sum(|variant| variant.collapsed), sum(|variant| variant.guessing));
    if let Some(label) = found.guessing.and_then(|guessing| guessing.only_label.as_ref()) {
        let text = format!(
            "All {} validation examples have the label {label}: always saying so is right, and these scores do not show that anything was learned.",
            comparison.validation_examples
        );
        notes.push(plain("one_class", comparison.variants.iter().map(|variant| variant.runs.len()).sum(), text));
    }
    if collapsed > 0 {
        let runs = counted(collapsed, "run predicts", "runs predict");
        let scores = if collapsed == 1 { "its score equals" } else { "their scores equal" };
        notes.push(plain(
            "collapsed",
            collapsed,
            format!("{runs} the same class for every example; {scores} always guessing that class."),
        ));
    }
    let known = comparison.always_guessing.zip(found.guessing);
    if let Some((guess, Guessing { how, .. })) = known.filter(|_| guessing > collapsed) {
        let runs = counted(guessing - collapsed, "run scores", "runs score");
        let text = format!("{runs} no better than always {how} ({} {}).", score(guess), comparison.metric);
        notes.push(plain("guessing", guessing - collapsed, text));
    }
    notes
}
