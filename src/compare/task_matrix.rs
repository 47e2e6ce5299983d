//! Variants over several tasks: a row for each variant, a column for each task, and the mean of the tasks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::build::comparable;
use super::columns::{counted, differing, shown_values};
use super::evaluation_basis::Basis;
use super::group::text_of;
use super::options::Options;
use super::order::{RowOrder, sorted};
use super::select::ComparedRun;
use super::variant::{Comparison, Variant};
use crate::compare::statistics::{Description, Difference, holm, paired};
use crate::plan::shown;
use crate::task::metrics::Direction;

/// Variants that were trained on several tasks.
#[derive(Clone, Debug, Serialize)]
pub struct TaskMatrix {
    /// At least two, in the order of their oldest runs.
    pub tasks: Vec<TaskColumn>,
    /// Settings that differ between variants, other than those that each task has its own value of.
    pub columns: Vec<String>,
    /// The variants, in the order of the table.
    pub rows: Vec<MatrixRow>,
    /// Index of the row that the means of the others are compared with.
    pub reference: usize,
    /// Whether higher or lower means are better; `None` if a mean over these metrics means nothing.
    pub direction: Option<Direction>,
    /// How p-values are adjusted for multiple comparisons.
    pub adjustment: &'static str,
}

/// A task, and how its scores came about.
#[derive(Clone, Debug, Serialize)]
pub struct TaskColumn {
    pub task: String,
    pub metric: String,
    /// Whether higher or lower scores are better.
    pub direction: Direction,
    /// Which evaluations the scores come from.
    pub basis: Basis,
    /// SHA-256 of the validation split.
    pub validation: String,
    /// Number of validation examples.
    pub validation_examples: usize,
    /// Smallest and largest possible score.
    #[serde(skip)]
    range: (f64, f64),
}

/// Runs that differ only in their seed and in the settings that belong to their task.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixRow {
    /// Values of the settings that differ, by path; absent if the setting is off.
    pub settings: BTreeMap<String, Value>,
    /// Statistics of the scores over seeds, by task; those without a finished run are absent.
    pub scores: BTreeMap<String, Description>,
    /// Scores by task and seed.
    pub seeds: BTreeMap<String, BTreeMap<u64, f64>>,
    /// Number of finished runs that predicted the same class for every example, by task.
    pub collapsed: BTreeMap<String, usize>,
    /// Mean of the tasks' means; `None` unless every task has one.
    pub mean: Option<f64>,
    /// Tasks without a score.
    pub missing: Vec<String>,
    /// Difference of the mean over tasks from the reference, over the seeds that both have on every task.
    pub difference: Option<Difference>,
    /// p-value of the difference, adjusted for the number of comparisons (Holm).
    pub adjusted_p: Option<f64>,
}

/// Why there is no table over tasks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMatrix {
    /// All runs learned one task.
    #[error("all of these runs are of one task")]
    OneTask,
    /// Some task's runs are not comparable with each other.
    #[error(
        "no table over tasks: the runs of {0} were scored on different data or judged by different metrics; choose some with --filter or --metric"
    )]
    Ambiguous(String),
    /// The rows cannot be ordered as asked.
    #[error("{0}")]
    Order(String),
}

/// Arranges comparisons of several tasks as one table. `runs` and `options` are what the comparisons were made of.
///
/// A setting that has one value within each task, such as a number of epochs that is chosen for it, belongs to the task and does
/// not make a variant.
pub fn task_matrix(runs: &[ComparedRun], options: &Options, comparisons: &[Comparison]) -> Result<TaskMatrix, NoMatrix> {
    let groups = comparable(runs, options);
    let mut parts: Vec<(&Comparison, &Vec<&ComparedRun>)> = comparisons.iter().zip(groups.values()).collect();
    let names: BTreeSet<&str> = comparisons.iter().map(|comparison| comparison.task.as_str()).collect();
    if names.len() < 2 {
        return Err(NoMatrix::OneTask);
    }
    let is_repeated = |name: &&str| comparisons.iter().filter(|comparison| comparison.task == **name).count() > 1;
    if let Some(name) = names.into_iter().find(is_repeated) {
        return Err(NoMatrix::Ambiguous(name.into()));
    }
    parts.sort_by_key(|(_, runs)| runs.iter().map(|run| run.run.facts.started).min());
    let tasks: Vec<TaskColumn> = parts.iter().map(|(comparison, runs)| TaskColumn::of(comparison, runs)).collect();
    let varying: BTreeSet<String> = parts.iter().flat_map(|(_, runs)| differing(runs, |path| options.groups_by(path))).collect();
    let key = |run: &ComparedRun| text_of(varying.iter().filter_map(|path| Some((path, counted(run, path)?))));
    let mut all: Vec<&ComparedRun> = parts.iter().flat_map(|(_, runs)| runs.iter().copied()).collect();
    all.sort_by_key(|run| run.run.facts.started);
    // One run of each variant, in the order of their oldest runs.
    let mut firsts: Vec<(String, &ComparedRun)> = Vec::new();
    for run in &all {
        let key = key(run);
        if firsts.iter().all(|(known, _)| *known != key) {
            firsts.push((key, run));
        }
    }
    let keys: BTreeMap<&str, String> = all.iter().map(|run| (run.run.facts.id.as_str(), key(run))).collect();
    let place = |variant: &Variant| {
        let ids = [&variant.runs, &variant.repeats, &variant.lacking, &variant.unmatched];
        let own = ids.into_iter().flatten().find_map(|id| keys.get(id.as_str()))?;
        firsts.iter().position(|(key, _)| key == own)
    };
    let representatives: Vec<&ComparedRun> = firsts.iter().map(|(_, run)| *run).collect();
    let columns = differing(&representatives, |path| varying.contains(path));
    let settings = shown_values(&representatives, &columns);
    let mut rows: Vec<MatrixRow> = settings.into_iter().map(MatrixRow::new).collect();
    for (comparison, _) in &parts {
        for variant in &comparison.variants {
            if let Some(row) = place(variant).map(|index| &mut rows[index]) {
                row.add(&comparison.task, variant);
            }
        }
    }
    let direction = direction_of_mean(&tasks);
    for row in &mut rows {
        row.finish(&tasks, direction.is_some());
    }
    // Each task has its own reference; the first one that has a mean stands for all.
    let references: Vec<usize> =
        parts.iter().filter_map(|(comparison, _)| place(&comparison.variants[comparison.reference])).collect();
    let reference = references.iter().copied().find(|index| rows[*index].mean.is_some());
    let reference = reference.or_else(|| references.first().copied()).unwrap_or(0);
    add_differences(&mut rows, reference, &tasks);
    let order_of: Vec<RowOrder<'_>> = rows.iter().map(RowOrder::from).collect();
    let order = sorted(&order_of, &columns, &options.sort, direction.unwrap_or(Direction::Maximize)).map_err(NoMatrix::Order)?;
    Ok(TaskMatrix {
        tasks,
        columns,
        reference: order.iter().position(|index| *index == reference).unwrap_or(0),
        rows: order.into_iter().map(|index| rows[index].clone()).collect(),
        direction,
        adjustment: "holm",
    })
}

/// Returns the direction of a mean over these tasks, if it means anything: all metrics are the same one, or all are bounded and
/// higher is better for each.
fn direction_of_mean(tasks: &[TaskColumn]) -> Option<Direction> {
    let first = tasks.first()?;
    let is_same = tasks.iter().all(|task| task.metric == first.metric);
    let is_bounded = |task: &TaskColumn| task.direction == Direction::Maximize && task.range.1.is_finite();
    (is_same || tasks.iter().all(is_bounded)).then_some(first.direction)
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Adds to each row the difference of its mean over tasks from the reference's, seed by seed.
fn add_differences(rows: &mut [MatrixRow], reference: usize, tasks: &[TaskColumn]) {
    let range = (mean(tasks.iter().map(|task| task.range.0)), mean(tasks.iter().map(|task| task.range.1)));
    let base = rows[reference].means_by_seed(tasks);
    for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != reference) {
        let own = row.means_by_seed(tasks);
        let pairs: Vec<(f64, f64)> = own.iter().filter_map(|(seed, mean)| Some((*base.get(seed)?, *mean))).collect();
        row.difference = paired(&pairs).map(|difference| difference.within(range));
        // A single pair cannot show anything.
        if let Some(difference) = row.difference.as_mut().filter(|difference| difference.n < 2) {
            difference.p = None;
        }
    }
    let p: Vec<Option<f64>> = rows.iter().map(|row| row.difference.as_ref()?.p).collect();
    for (row, adjusted) in rows.iter_mut().zip(holm(&p)) {
        row.adjusted_p = adjusted;
    }
}

impl TaskColumn {
    fn of(comparison: &Comparison, runs: &[&ComparedRun]) -> Self {
        let definition = runs.first().and_then(|run| run.run.facts.task_definition.as_ref());
        let range = definition.and_then(|task| task.range(&comparison.metric));
        Self {
            task: comparison.task.clone(),
            metric: comparison.metric.clone(),
            direction: comparison.direction,
            basis: comparison.basis,
            validation: comparison.validation.clone(),
            validation_examples: comparison.validation_examples,
            range: range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY)),
        }
    }
}

impl MatrixRow {
    fn new(settings: BTreeMap<String, Value>) -> Self {
        Self {
            settings,
            scores: BTreeMap::new(),
            seeds: BTreeMap::new(),
            collapsed: BTreeMap::new(),
            mean: None,
            missing: Vec::new(),
            difference: None,
            adjusted_p: None,
        }
    }

    fn add(&mut self, task: &str, variant: &Variant) {
        if let Some(score) = &variant.score {
            self.scores.insert(task.into(), score.clone());
            self.seeds.insert(task.into(), variant.scores.clone());
        }
        if variant.collapsed > 0 {
            self.collapsed.insert(task.into(), variant.collapsed);
        }
    }

    fn finish(&mut self, tasks: &[TaskColumn], has_mean: bool) {
        let means: Vec<f64> = tasks.iter().filter_map(|task| Some(self.scores.get(&task.task)?.mean)).collect();
        self.mean = (has_mean && means.len() == tasks.len()).then(|| mean(means.into_iter()));
        let is_missing = |task: &&TaskColumn| !self.scores.contains_key(&task.task);
        self.missing = tasks.iter().filter(is_missing).map(|task| task.task.clone()).collect();
    }

    /// Returns the mean over tasks of each seed that has a score on every task.
    fn means_by_seed(&self, tasks: &[TaskColumn]) -> BTreeMap<u64, f64> {
        let Some(first) = self.mean.and_then(|_| self.seeds.values().next()) else { return BTreeMap::new() };
        let of_seed = |seed: &u64| {
            let scores: Option<Vec<f64>> = tasks.iter().map(|task| self.seeds.get(&task.task)?.get(seed).copied()).collect();
            Some((*seed, mean(scores?.into_iter())))
        };
        first.keys().filter_map(of_seed).collect()
    }

    /// Returns the smallest and the largest number of seeds of its tasks.
    #[must_use]
    pub fn seed_counts(&self) -> Option<(usize, usize)> {
        let counts = || self.scores.values().map(|score| score.n);
        counts().min().zip(counts().max())
    }

    /// Describes the settings that distinguish it from the others.
    #[must_use]
    pub fn label(&self, columns: &[String]) -> String {
        let words: Vec<String> = columns.iter().map(|column| format!("{column} {}", shown(self.settings.get(column)))).collect();
        if words.is_empty() { "all runs".into() } else { words.join(", ") }
    }
}

impl<'a> From<&'a MatrixRow> for RowOrder<'a> {
    fn from(row: &'a MatrixRow) -> Self {
        let seeds = row.scores.values().map(|score| score.n).sum();
        Self { mean: row.mean, seeds, seconds: None, settings: &row.settings }
    }
}
