//! The data of a comparison.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::evaluation_basis::Basis;
use super::note::Note;
use crate::compare::statistics::{Description, Difference};
use crate::plan::{Hashes, shown};
use crate::task::metrics::Direction;

/// Variants that can be compared with each other: same task, data and metric.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub task: String,
    /// SHA-256 of the validation split, which all runs share.
    pub validation: String,
    /// Number of validation examples.
    pub validation_examples: usize,
    pub metric: String,
    /// Whether higher or lower scores are better.
    pub direction: Direction,
    /// Which evaluations the scores come from.
    pub basis: Basis,
    /// The evaluations used, as fractions of training; empty if the scores are each run's best.
    pub steps_used: Vec<f64>,
    /// The score of always predicting the same class, if the predictions show it.
    pub always_guessing: Option<f64>,
    /// How p-values are adjusted for multiple comparisons.
    pub adjustment: &'static str,
    /// Names of the other metrics.
    pub others: Vec<String>,
    /// Settings that differ between variants.
    pub columns: Vec<String>,
    /// The variants, in the order of the table.
    pub variants: Vec<Variant>,
    /// Index of the reference variant.
    pub reference: usize,
    /// Number of runs that repeat a seed of their variant and were left out.
    pub repeated: usize,
    /// Notes on the runs behind the numbers.
    pub notes: Vec<Note>,
}

/// Runs that differ only in their seed.
#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// Values of the settings that differ, by path; absent if the setting is off.
    pub settings: BTreeMap<String, Value>,
    /// Scores by seed; if other settings are averaged over, the mean of a seed's runs.
    pub scores: BTreeMap<u64, f64>,
    /// Ids of the runs, ordered by seed.
    pub runs: Vec<String>,
    /// Scores by run id.
    pub run_scores: BTreeMap<String, f64>,
    /// Number of seeds whose runs failed or never ended.
    pub failed: usize,
    /// Number of seeds whose run a sweep stopped early.
    pub pruned: usize,
    /// Number of seeds without a finished run, by the status of their newest run.
    pub unfinished: BTreeMap<&'static str, usize>,
    /// Number of finished runs that predicted the same class for every example.
    pub collapsed: usize,
    /// Number of finished runs that scored no better than always predicting the same class, including collapsed ones.
    pub guessing: usize,
    /// Ids of finished runs that repeat a seed and do not count.
    pub repeats: Vec<String>,
    /// Ids of finished runs without a score for the metric.
    pub lacking: Vec<String>,
    /// Ids of finished runs without counterparts in the other groups that are averaged over.
    pub unmatched: Vec<String>,
    /// Statistics of the scores; `None` if no run finished.
    pub score: Option<Description>,
    /// Statistics of each run's best evaluation out of all it had, however many.
    pub best: Option<Description>,
    /// Smallest and largest number of evaluations of its runs, if known.
    pub evaluations: Option<(usize, usize)>,
    /// Means of the other metrics.
    pub others: BTreeMap<String, f64>,
    /// Mean duration of a run, in seconds.
    pub seconds: Option<f64>,
    /// Mean throughput.
    pub examples_per_second: Option<f64>,
    /// Mean difference from the reference.
    pub difference: Option<Difference>,
    /// p-value of the difference, adjusted for the number of comparisons (Holm).
    pub adjusted_p: Option<f64>,
    /// Which seeds the difference is based on.
    pub pairing: Option<Pairing>,
    /// Names under which the runs refer to the checkpoint, each once; several names stand for identical files.
    pub checkpoints: Vec<String>,
    /// SHA-256 of the files that the runs read; `None` if settings are averaged over.
    pub hashes: Option<Hashes>,
    /// What the runs were computed with, as far as it differs between seeds: the number of runs by value.
    pub computed_by: BTreeMap<&'static str, BTreeMap<String, usize>>,
}

/// The seeds of a variant and of the reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pairing {
    /// Number of seeds that both have.
    pub shared: usize,
    /// Seeds that only this variant has.
    pub own: Vec<u64>,
    /// Seeds that only the reference has.
    pub reference: Vec<u64>,
}

impl Pairing {
    /// Returns whether enough seeds are shared to compare by seed, given the number of seeds of the variant (`own`) and of
    /// the reference.
    #[must_use]
    pub fn is_by_seed(&self, own: usize, reference: usize) -> bool {
        self.shared >= 2 || (self.shared == 1 && own.min(reference) == 1)
    }
}

impl Variant {
    /// Describes the settings that distinguish it from the others, such as `learning_rate 2e-5, data.batch_size 8`.
    #[must_use]
    pub fn label(&self, columns: &[String]) -> String {
        let words: Vec<String> = columns.iter().map(|column| format!("{column} {}", shown(self.settings.get(column)))).collect();
        if words.is_empty() { "all runs".into() } else { words.join(", ") }
    }

    /// Returns the mean score.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.score.as_ref().map(|score| score.mean)
    }

    /// Returns the p-value of its difference from the reference, not adjusted for other comparisons.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        self.difference.as_ref()?.p
    }
}
