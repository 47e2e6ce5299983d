//! Variants: runs that differ in nothing but their seed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::select::ComparedRun;
use crate::metrics::Direction;
use crate::runs::{Status, Summary, shown};
use crate::settings::WITHOUT_EFFECT;
use crate::statistics::{Description, Difference, holm, paired, welch};

/// How to compare.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The metric, where it is not the one that the runs were judged by.
    pub metric: Option<String>,
    /// Settings that make a variant, where not all of them do.
    pub by: Vec<String>,
    /// The variant that the others are compared with: its number as listed without it, or `setting=value`.
    pub reference: Option<String>,
    /// The order of the table.
    pub sort: Sort,
}

/// The order of variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The best mean first.
    #[default]
    Score,
    /// By a setting or `n`, `time`.
    By(String),
}

/// Runs that can be compared with each other.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The task.
    pub task: String,
    /// SHA-256 of the validation split, by which runs belong together.
    pub validation: String,
    /// Examples scored on.
    pub validation_examples: usize,
    /// The metric.
    pub metric: String,
    /// Which of its scores is better.
    pub direction: Direction,
    /// The other metrics, by name.
    pub others: Vec<String>,
    /// Settings that differ between variants.
    pub columns: Vec<String>,
    /// In the order of the table.
    pub variants: Vec<Variant>,
    /// Index of the variant that the others are compared with.
    pub reference: usize,
    /// Runs that repeat a seed of their variant and were left out.
    pub repeated: usize,
}

/// Runs that differ in nothing but their seed.
#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// Values of the settings that differ, by path; absent where the setting is off.
    pub settings: BTreeMap<String, Value>,
    /// Scores by seed; with settings averaged over, the mean of a seed's runs.
    pub scores: BTreeMap<u64, f64>,
    /// Ids of the runs, in the order of the seeds.
    pub runs: Vec<String>,
    /// Seeds whose runs failed or never ended.
    pub failed: usize,
    /// Seeds whose run a sweep stopped early.
    pub pruned: usize,
    /// Finished runs that gave every example the same class.
    pub collapsed: usize,
    /// The scores described; none where no run finished.
    pub score: Option<Description>,
    /// Means of the other metrics.
    pub others: BTreeMap<String, f64>,
    /// Mean time of a run.
    pub seconds: Option<f64>,
    /// Mean throughput.
    pub examples_per_second: Option<f64>,
    /// Mean difference to the reference.
    pub difference: Option<Difference>,
    /// Its p-value, adjusted for the number of comparisons (Holm).
    pub adjusted_p: Option<f64>,
}

impl Variant {
    /// The settings that tell it from the others, such as `learning_rate 2e-5, data.batch_size 8`.
    #[must_use]
    pub fn label(&self, columns: &[String]) -> String {
        let words: Vec<String> = columns.iter().map(|column| format!("{column} {}", shown(self.settings.get(column)))).collect();
        if words.is_empty() { "all runs".into() } else { words.join(", ") }
    }
}

/// Compares runs; those of other tasks or other data in comparisons of their own.
///
/// # Errors
/// A setting or a reference that no run has.
pub fn compare(runs: &[ComparedRun], options: &Options) -> Result<Vec<Comparison>, String> {
    for path in &options.by {
        if !runs.iter().any(|run| run.settings.contains_key(path)) {
            return Err(format!("no run has a setting {path}"));
        }
    }
    let mut groups: BTreeMap<(String, String, String, usize), Vec<&ComparedRun>> = BTreeMap::new();
    for run in runs {
        let facts = &run.run.facts;
        let hash = |split: &str| facts.hashes.data.get(split).cloned().unwrap_or_default();
        groups.entry((facts.task.clone(), hash("validation"), hash("train"), facts.validation_examples)).or_default().push(run);
    }
    groups.into_values().map(|group| compare_group(&group, options)).collect()
}

fn compare_group(runs: &[&ComparedRun], options: &Options) -> Result<Comparison, String> {
    let first = &runs[0].run.facts;
    let (metric, direction) = metric(runs, options)?;
    let counts = |path: &String| if options.by.is_empty() { makes_a_variant(path) } else { options.by.contains(path) };
    let mut grouped: BTreeMap<String, Vec<&ComparedRun>> = BTreeMap::new();
    for run in runs {
        let identity: BTreeMap<&String, &Value> = run.settings.iter().filter(|(path, _)| counts(path)).collect();
        grouped.entry(serde_json::to_string(&identity).unwrap_or_default()).or_default().push(run);
    }
    let mut groups: Vec<Vec<&ComparedRun>> = grouped.into_values().collect();
    groups.sort_by_key(|group| group.iter().map(|run| run.run.facts.started).min());
    let columns = columns(&groups, counts);
    let others = other_metrics(runs, &metric);
    let mut repeated = 0;
    let mut variants: Vec<Variant> =
        groups.iter().map(|group| variant(group, &columns, &metric, &others, !options.by.is_empty(), &mut repeated)).collect();
    // Without another word the others are compared with what was run first: usually the baseline.
    let reference = match &options.reference {
        None => variants.iter().position(|variant| variant.score.is_some()).unwrap_or(0),
        Some(name) => find_reference(name, &variants, &columns)?,
    };
    add_differences(&mut variants, reference);
    let mut order: Vec<usize> = (0..variants.len()).collect();
    sort(&mut order, &variants, options, direction)?;
    let reference = order.iter().position(|index| *index == reference).unwrap_or(0);
    Ok(Comparison {
        task: first.task.clone(),
        validation: first.hashes.data.get("validation").cloned().unwrap_or_default(),
        validation_examples: first.validation_examples,
        metric,
        direction,
        others,
        columns,
        variants: order.into_iter().map(|index| variants[index].clone()).collect(),
        reference,
        repeated,
    })
}

/// Runs that differ in nothing but their seed are replicates.
fn makes_a_variant(path: &str) -> bool {
    path != "seed" && !WITHOUT_EFFECT.contains(&path)
}

fn metric(runs: &[&ComparedRun], options: &Options) -> Result<(String, Direction), String> {
    let task = crate::tasks::Task::named(&runs[0].run.facts.task);
    let judged = runs.iter().find_map(|run| run.settings.get("metric")?.as_str().map(String::from));
    let metric = options.metric.clone().or(judged).unwrap_or_else(|| "accuracy".into());
    match task.and_then(|task| task.direction(&metric)) {
        Some(direction) => Ok((metric, direction)),
        None => Err(format!("{} has no metric \"{metric}\"", runs[0].run.facts.task)),
    }
}

fn columns(groups: &[Vec<&ComparedRun>], counts: impl Fn(&String) -> bool) -> Vec<String> {
    let paths: BTreeSet<&String> = groups.iter().filter_map(|group| group.first()).flat_map(|run| run.settings.keys()).collect();
    let value = |group: &Vec<&ComparedRun>, path: &String| group.first().and_then(|run| run.settings.get(path).cloned());
    let differs = |path: &&String| groups.windows(2).any(|pair| value(&pair[0], path) != value(&pair[1], path));
    paths.into_iter().filter(|path| counts(path)).filter(differs).cloned().collect()
}

fn other_metrics(runs: &[&ComparedRun], metric: &str) -> Vec<String> {
    let names: BTreeSet<&String> =
        runs.iter().filter_map(|run| run.run.summary.as_ref()).flat_map(|s| s.best.scores.keys()).collect();
    names.into_iter().filter(|name| *name != metric).cloned().collect()
}

/// One variant of a group of runs, which come in the order of time.
fn variant(
    group: &[&ComparedRun],
    columns: &[String],
    metric: &str,
    others: &[String],
    averaged: bool,
    repeated: &mut usize,
) -> Variant {
    let mut by_seed: BTreeMap<u64, Vec<&ComparedRun>> = BTreeMap::new();
    for run in group.iter().filter(|run| run.run.summary.is_some()) {
        let same = by_seed.entry(run.run.facts.seed).or_default();
        if !averaged && !same.is_empty() {
            // The same training twice: the newest counts.
            *repeated += 1;
            same.clear();
        }
        same.push(run);
    }
    let counted = || by_seed.values().flatten();
    let mean = |values: Vec<f64>| Description::of(&values).map(|description| description.mean);
    let of_seed = |runs: &[&ComparedRun], name: &str| mean(runs.iter().filter_map(|run| run.score(name)).collect());
    let scores: BTreeMap<u64, f64> = by_seed.iter().filter_map(|(seed, runs)| Some((*seed, of_seed(runs, metric)?))).collect();
    let of_summaries =
        |value: fn(&Summary) -> f64| mean(counted().filter_map(|run| run.run.summary.as_ref()).map(value).collect());
    let of_runs = |name: &str| mean(counted().filter_map(|run| run.score(name)).collect());
    Variant {
        settings: columns.iter().filter_map(|path| Some((path.clone(), group[0].settings.get(path)?.clone()))).collect(),
        runs: counted().map(|run| run.run.facts.id.clone()).collect(),
        failed: unfinished(group, &by_seed, averaged, false),
        pruned: unfinished(group, &by_seed, averaged, true),
        collapsed: counted().filter(|run| run.run.summary.as_ref().is_some_and(|summary| summary.collapsed)).count(),
        score: Description::of(&scores.values().copied().collect::<Vec<_>>()),
        scores,
        others: others.iter().filter_map(|name| Some((name.clone(), of_runs(name)?))).collect(),
        seconds: of_summaries(|summary| summary.duration_seconds),
        examples_per_second: of_summaries(|summary| summary.examples_per_second),
        difference: None,
        adjusted_p: None,
    }
}

/// Trainings that will not finish, whose newest run was stopped early or ended otherwise: one for each seed, and for each
/// run where runs of a seed differ.
fn unfinished(group: &[&ComparedRun], finished: &BTreeMap<u64, Vec<&ComparedRun>>, averaged: bool, pruned: bool) -> usize {
    let may_finish = |run: &ComparedRun| matches!(run.run.status(), Status::Running | Status::Interrupted);
    let open = group.iter().filter(|run| run.run.summary.is_none() && !may_finish(run));
    let open = open.filter(|run| averaged || !finished.contains_key(&run.run.facts.seed));
    let training = |run: &ComparedRun| if averaged { run.run.facts.id.clone() } else { run.run.facts.seed.to_string() };
    let last: BTreeMap<String, Status> = open.map(|run| (training(run), run.run.facts.status)).collect();
    last.values().filter(|status| (**status == Status::Pruned) == pruned).count()
}

fn find_reference(name: &str, variants: &[Variant], columns: &[String]) -> Result<usize, String> {
    let is_meant = |variant: &Variant| match name.split_once('=') {
        Some((path, value)) => {
            let (path, value) = (path.trim(), value.trim());
            let held = variant.settings.get(path);
            let as_number =
                || held.and_then(Value::as_f64).zip(value.parse().ok()).is_some_and(|(held, asked): (f64, f64)| held == asked);
            columns.iter().any(|column| column == path) && (shown(held) == value || as_number())
        }
        None => variant.runs.iter().any(|run| run.starts_with(name)),
    };
    let found: Vec<usize> = (0..variants.len()).filter(|index| is_meant(&variants[*index])).collect();
    let labels = || variants.iter().map(|variant| variant.label(columns)).collect::<Vec<_>>().join("; ");
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("no variant is \"{name}\"; there are {}", labels())),
        _ => Err(format!("\"{name}\" means {} variants; there are {}", found.len(), labels())),
    }
}

/// Differences to the reference: by seed where two seeds or more are shared, else of independent samples.
fn add_differences(variants: &mut [Variant], reference: usize) {
    let base = variants[reference].scores.clone();
    for (_, variant) in variants.iter_mut().enumerate().filter(|(index, _)| *index != reference) {
        let pairs: Vec<(f64, f64)> = variant.scores.iter().filter_map(|(seed, score)| Some((*base.get(seed)?, *score))).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = (base.values().copied().collect(), variant.scores.values().copied().collect());
        let shared = pairs.len() >= 2 || (pairs.len() == 1 && a.len().min(b.len()) == 1);
        variant.difference = if shared { paired(&pairs) } else { welch(&a, &b) };
        // A single pair can show nothing, and must not cost the other comparisons any power.
        if let Some(difference) = variant.difference.as_mut().filter(|difference| difference.n < 2) {
            difference.p = None;
        }
    }
    let p: Vec<Option<f64>> =
        variants.iter().map(|variant| variant.difference.as_ref().and_then(|difference| difference.p)).collect();
    for (variant, adjusted) in variants.iter_mut().zip(holm(&p)) {
        variant.adjusted_p = adjusted;
    }
}

fn sort(order: &mut [usize], variants: &[Variant], options: &Options, direction: Direction) -> Result<(), String> {
    let mean = |index: &usize| variants[*index].score.as_ref().map(|score| score.mean);
    // What has no score comes last.
    let key = |index: &usize| match direction {
        Direction::Maximize => mean(index).map_or(f64::INFINITY, |mean| -mean),
        Direction::Minimize => mean(index).unwrap_or(f64::INFINITY),
    };
    match &options.sort {
        Sort::Score => order.sort_by(|a, b| key(a).total_cmp(&key(b))),
        Sort::By(name) => {
            let number = |index: &usize| match name.as_str() {
                "n" => Some(variants[*index].scores.len() as f64),
                "time" => variants[*index].seconds,
                path => variants[*index].settings.get(path).and_then(Value::as_f64),
            };
            let text = |index: &usize| shown(variants[*index].settings.get(name));
            let known = name == "n" || name == "time" || variants.iter().any(|variant| variant.settings.contains_key(name));
            if !known {
                return Err(format!("nothing to sort by is called \"{name}\"; there are n, time and the settings that differ"));
            }
            order.sort_by(|a, b| match (number(a), number(b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => text(a).cmp(&text(b)),
            });
        }
    }
    Ok(())
}
