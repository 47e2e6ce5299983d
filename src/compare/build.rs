//! Builds comparisons from runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::columns::{counted, differing, names, shown_values};
use super::evaluation_basis::EvaluationBasis;
use super::group::{Group, group};
use super::guessing::Guessing;
use super::notes::{NoteContext, notes};
use super::options::Options;
use super::order::RowOrder;
use super::select::ComparedRun;
use super::task_identity::TaskIdentity;
use super::variant::{Comparison, Variant};
use super::{differences, order};
use crate::compare::statistics::Description;
use crate::runs::{Host, RunFacts, Summary};
use crate::settings::CHECKPOINT;
use crate::task::metrics::{Direction, LOSS};

/// What runs must have in common: the task, hashes of the validation and training splits, the number of validation examples,
/// and the metric.
pub(super) type Key = (TaskIdentity, String, String, usize, String);

/// Compares runs; those with another task, other data or another metric get comparisons of their own.
pub fn compare(runs: &[ComparedRun], options: &Options) -> Result<Vec<Comparison>, String> {
    for path in &options.by {
        if path == "seed" {
            return Err("cannot group by seed: runs that differ in their seed alone are replicates of one variant".into());
        }
        if !runs.iter().any(|run| counted(run, path).is_some()) {
            return Err(format!("no run has a setting {path}"));
        }
    }
    let groups = comparable(runs, options);
    let same_data = |a: &Key, b: &Key| (&a.0, &a.1, &a.2, a.3) == (&b.0, &b.1, &b.2, b.3) && a.4 != b.4;
    let elsewhere = |key: &Key| -> BTreeMap<String, usize> {
        groups.iter().filter(|(other, _)| same_data(key, other)).map(|(other, runs)| (other.4.clone(), runs.len())).collect()
    };
    groups.iter().map(|(key, group)| compare_group(group, &key.4, elsewhere(key), options)).collect()
}

/// Returns the runs that are compared with each other, in the order of the comparisons.
pub(super) fn comparable<'a>(runs: &'a [ComparedRun], options: &Options) -> BTreeMap<Key, Vec<&'a ComparedRun>> {
    let mut groups: BTreeMap<Key, Vec<&ComparedRun>> = BTreeMap::new();
    for run in runs {
        let facts = &run.run.facts;
        let hash = |split: &str| facts.hashes.data.get(split).cloned().unwrap_or_default();
        let metric = options.metric.clone().unwrap_or_else(|| judged_by(run).into());
        let key = (TaskIdentity::of(facts), hash("validation"), hash("train"), facts.validation_examples, metric);
        groups.entry(key).or_default().push(run);
    }
    groups
}

/// Returns the metric that picked a run's best checkpoint; if nothing tells, the loss, which every task has.
fn judged_by(run: &ComparedRun) -> &str {
    let summarized = || run.run.summary.as_ref().map(|summary| summary.metric.as_str());
    run.settings.get("metric").and_then(Value::as_str).or_else(summarized).unwrap_or(LOSS)
}

fn compare_group(
    runs: &[&ComparedRun],
    metric: &str,
    elsewhere: BTreeMap<String, usize>,
    options: &Options,
) -> Result<Comparison, String> {
    let first = &runs[0].run.facts;
    let task = first.definition().map_err(|error| error.to_string())?;
    let known = task.direction(metric).zip(task.range(metric));
    let (direction, range) = known.ok_or_else(|| format!("{} has no metric \"{metric}\"", task.name))?;
    let grouped = group(runs, &options.by, metric);
    let judges: BTreeSet<&str> = runs.iter().map(|run| judged_by(run)).collect();
    let judge = (judges.len() > 1).then(|| (metric.to_string(), direction));
    let all: Vec<&ComparedRun> = grouped.groups.iter().flat_map(|group| group.counted.iter().copied()).collect();
    let evaluations = EvaluationBasis::of(&all, judge);
    let guessing = Guessing::of(&all, task, metric);
    let firsts: Vec<&ComparedRun> = grouped.groups.iter().map(|group| group.runs[0]).collect();
    let columns = differing(&firsts, |path| options.groups_by(path));
    let others = other_metrics(&all, metric);
    let scoring = Scoring { metric, direction, range, evaluations: &evaluations, guess: guessing.as_ref().and_then(|g| g.score) };
    let shown = shown_values(&firsts, &columns);
    let averaged = !options.by.is_empty();
    let mut variants: Vec<Variant> = grouped
        .groups
        .iter()
        .zip(shown)
        .map(|(group, settings)| Variant { settings, ..scoring.variant(group, &others, averaged) })
        .collect();
    // By default, the others are compared with what was run first: usually the baseline.
    let reference = match &options.reference {
        None => variants.iter().position(|variant| variant.score.is_some()).unwrap_or(0),
        Some(name) => order::meant(name, &variants, &columns)?,
    };
    differences::add(&mut variants, reference, range);
    let rows: Vec<RowOrder<'_>> = variants.iter().map(RowOrder::from).collect();
    let order = order::sorted(&rows, &columns, &options.sort, direction)?;
    let found = NoteContext {
        grouped: &grouped,
        evaluations: &evaluations,
        guessing: guessing.as_ref(),
        judges,
        elsewhere,
        order: &order,
    };
    let mut comparison = Comparison {
        task: first.task.clone(),
        validation: first.hashes.data.get("validation").cloned().unwrap_or_default(),
        validation_examples: first.validation_examples,
        metric: metric.into(),
        direction,
        basis: evaluations.basis,
        steps_used: evaluations.shares(),
        always_guessing: scoring.guess,
        adjustment: "holm",
        others,
        columns,
        variants: order.iter().map(|index| variants[*index].clone()).collect(),
        reference: order.iter().position(|index| *index == reference).unwrap_or(0),
        repeated: variants.iter().map(|variant| variant.repeats.len()).sum(),
        notes: Vec::new(),
    };
    comparison.notes = notes(&comparison, &found);
    Ok(comparison)
}

fn other_metrics(runs: &[&ComparedRun], metric: &str) -> Vec<String> {
    let names: BTreeSet<&String> =
        runs.iter().filter_map(|run| run.run.summary.as_ref()).flat_map(|s| s.best.scores.keys()).collect();
    names.into_iter().filter(|name| *name != metric).cloned().collect()
}

/// How the runs of a comparison are scored.
struct Scoring<'a> {
    metric: &'a str,
    direction: Direction,
    range: (f64, f64),
    evaluations: &'a EvaluationBasis,
    guess: Option<f64>,
}

impl Scoring<'_> {
    fn score(&self, run: &ComparedRun, metric: &str) -> Option<f64> {
        self.evaluations.scores(run)?.get(metric).copied()
    }

    fn describe(&self, scores: &BTreeMap<u64, f64>) -> Option<Description> {
        Description::of(&scores.values().copied().collect::<Vec<_>>()).map(|description| description.within(self.range))
    }

    fn variant(&self, group: &Group, others: &[String], averaged: bool) -> Variant {
        let runs = &group.counted;
        let mut by_seed: BTreeMap<u64, Vec<&ComparedRun>> = BTreeMap::new();
        for run in runs {
            by_seed.entry(run.run.facts.seed).or_default().push(run);
        }
        let of_seeds = |value: &dyn Fn(&ComparedRun) -> Option<f64>| -> BTreeMap<u64, f64> {
            let of_seed = |runs: &[&ComparedRun]| mean(runs.iter().filter_map(|run| value(run)));
            by_seed.iter().filter_map(|(seed, runs)| Some((*seed, of_seed(runs)?))).collect()
        };
        let scores = of_seeds(&|run| self.score(run, self.metric));
        let best = of_seeds(&|run| run.score(self.metric));
        let of_summaries = |value: fn(&Summary) -> f64| mean(runs.iter().filter_map(|run| run.run.summary.as_ref()).map(value));
        let ids = |runs: &[&ComparedRun]| runs.iter().map(|run| run.run.facts.id.clone()).collect::<Vec<_>>();
        let id_and_score = |run: &&ComparedRun| Some((run.run.facts.id.clone(), self.score(run, self.metric)?));
        let counts: Option<Vec<usize>> = runs.iter().map(|run| self.evaluations.count(run)).collect();
        let is_guess = |run: &&&ComparedRun| {
            let (score, guess) = (self.score(run, self.metric), self.guess.filter(|_| self.metric != LOSS));
            score.zip(guess).is_some_and(|(score, guess)| !self.direction.improves(score, guess))
        };
        Variant {
            settings: BTreeMap::new(),
            runs: ids(runs),
            run_scores: runs.iter().filter_map(id_and_score).collect(),
            failed: group.failed(),
            pruned: group.pruned(),
            unfinished: group.unfinished(),
            collapsed: runs.iter().filter(|run| self.evaluations.is_collapsed(run)).count(),
            guessing: runs.iter().filter(is_guess).count(),
            repeats: ids(&group.repeats),
            lacking: ids(&group.lacking),
            unmatched: ids(&group.unmatched),
            score: self.describe(&scores),
            best: self.describe(&best),
            scores,
            evaluations: counts.and_then(|counts| Some((*counts.iter().min()?, *counts.iter().max()?))),
            others: others
                .iter()
                .filter_map(|name| Some((name.clone(), mean(runs.iter().filter_map(|run| self.score(run, name)))?)))
                .collect(),
            seconds: of_summaries(|summary| summary.duration_seconds),
            examples_per_second: of_summaries(|summary| summary.examples_per_second),
            difference: None,
            adjusted_p: None,
            pairing: None,
            checkpoints: names(&group.runs, CHECKPOINT),
            hashes: (!averaged).then(|| group.runs[0].run.facts.hashes.clone()),
            computed_by: computed_by(runs),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    Description::of(&values.collect::<Vec<_>>()).map(|description| description.mean)
}

/// Returns one aspect of how a run was computed.
type Aspect<'a> = &'a dyn Fn(&RunFacts) -> Option<String>;

/// Returns what computed the runs, as far as it is not the same for all of them: the number of runs by value.
fn computed_by(runs: &[&ComparedRun]) -> BTreeMap<&'static str, BTreeMap<String, usize>> {
    let of_hosts = |facts: &RunFacts, part: fn(&Host) -> Option<&str>| {
        let hosts = facts.resumed.iter().map(|resumption| &resumption.host).chain([&facts.host]);
        let values: BTreeSet<&str> = hosts.filter_map(part).collect();
        let text = values.into_iter().collect::<Vec<_>>().join(" and ");
        Some(text).filter(|text| !text.is_empty() && facts.device == "cpu")
    };
    let instruction_set = |facts: &RunFacts| of_hosts(facts, |host| host.instruction_set.as_deref());
    let bf16_instructions = |facts: &RunFacts| of_hosts(facts, |host| host.bf16_instructions.as_deref());
    let kernels = |facts: &RunFacts| serde_json::to_value(facts.kernels).ok()?.as_str().map(String::from);
    let device = |facts: &RunFacts| {
        let kind = facts.device.split(':').next().unwrap_or_default();
        Some(facts.gpu.clone().unwrap_or_else(|| kind.into()))
    };
    let numerics = |facts: &RunFacts| {
        let numbers: BTreeSet<u32> = facts.computed_numerics().collect();
        Some(numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" and "))
    };
    let parts: [(&'static str, Aspect<'_>); 7] = [
        ("device", &device),
        ("instruction_set", &instruction_set),
        ("bf16_instructions", &bf16_instructions),
        ("kernels", &kernels),
        ("numerics", &numerics),
        ("gluepot", &|facts| Some(facts.versions.gluepot.clone())),
        ("burn", &|facts| Some(facts.versions.burn.clone())),
    ];
    let mut computed_by = BTreeMap::new();
    for (part, value) in parts {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        // A value that runs of earlier versions do not record does not count as different.
        for value in runs.iter().filter_map(|run| value(&run.run.facts)) {
            *counts.entry(value).or_default() += 1;
        }
        if counts.len() > 1 {
            computed_by.insert(part, counts);
        }
    }
    computed_by
}
