//! What a comparison holds.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::looks::Basis;
use super::note::Note;
use crate::compare::statistics::{Description, Difference};
use crate::plan::{Hashes, shown};
use crate::task::metrics::Direction;

/// Runs that can be compared with each other.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub task: String,
    /// SHA-256 of the validation split, by which runs belong together.
    pub validation: String,
    /// Examples scored on.
    pub validation_examples: usize,
    pub metric: String,
    /// Which of its scores is better.
    pub direction: Direction,
    /// Which evaluations the scores are from.
    pub basis: Basis,
    /// Where the scores are not each run's best: the evaluations that were used, as shares of training.
    pub steps_used: Vec<f64>,
    /// The score of always saying the same class, where the predictions tell it.
    pub always_guessing: Option<f64>,
    /// How p-values are adjusted for several comparisons.
    pub adjustment: &'static str,
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
    /// What a reader has to know of the runs behind the numbers.
    pub notes: Vec<Note>,
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
    /// Scores by the ids of the runs.
    pub run_scores: BTreeMap<String, f64>,
    /// Seeds whose runs failed or never ended.
    pub failed: usize,
    /// Seeds whose run a sweep stopped early.
    pub pruned: usize,
    /// Seeds without a finished run, by the status of their newest.
    pub unfinished: BTreeMap<&'static str, usize>,
    /// Finished runs that gave every example the same class.
    pub collapsed: usize,
    /// Finished runs that scored no better than always saying the same class, collapsed ones included.
    pub guessing: usize,
    /// Ids of finished runs that repeat a seed and do not count.
    pub repeats: Vec<String>,
    /// Ids of finished runs without a score of the metric.
    pub lacking: Vec<String>,
    /// Ids of finished runs without counterparts in the other groups that are averaged over.
    pub unmatched: Vec<String>,
    /// The scores described; none where no run finished.
    pub score: Option<Description>,
    /// Each run's best evaluation of all described, however many it had.
    pub best: Option<Description>,
    /// The smallest and the largest number of evaluations of its runs, where known.
    pub evaluations: Option<(usize, usize)>,
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
    /// Which seeds the difference is made of.
    pub pairing: Option<Pairing>,
    /// The checkpoint as the runs name it, each name once; where there are several, their files are the same.
    pub checkpoints: Vec<String>,
    /// SHA-256 of the files that the runs read; none where settings are averaged over.
    pub hashes: Option<Hashes>,
    /// What computed, where that was not the same for all seeds: the number of runs by value.
    pub computed_by: BTreeMap<&'static str, BTreeMap<String, usize>>,
}

/// The seeds of a variant and of the reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pairing {
    /// Seeds of both.
    pub shared: usize,
    /// Seeds of this variant alone.
    pub own: Vec<u64>,
    /// Seeds of the reference alone.
    pub reference: Vec<u64>,
}

impl Pairing {
    /// Whether there are enough shared seeds to compare by seed, where the variant and the reference have so many.
    #[must_use]
    pub fn is_by_seed(&self, own: usize, reference: usize) -> bool {
        self.shared >= 2 || (self.shared == 1 && own.min(reference) == 1)
    }
}

impl Variant {
    /// The settings that tell it from the others, such as `learning_rate 2e-5, data.batch_size 8`.
    #[must_use]
    pub fn label(&self, columns: &[String]) -> String {
        let words: Vec<String> = columns.iter().map(|column| format!("{column} {}", shown(self.settings.get(column)))).collect();
        if words.is_empty() { "all runs".into() } else { words.join(", ") }
    }

    /// The mean score.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.score.as_ref().map(|score| score.mean)
    }

    /// The p-value of its difference to the reference, as it is without other comparisons.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        self.difference.as_ref()?.p
    }
}
