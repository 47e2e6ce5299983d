//! The evaluations that scores are taken from.
//!
//! The best of many evaluations on the validation split is higher than the best of few, even if training is no better. If
//! runs were not evaluated equally often, only the evaluations that all of them have count.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::select::ComparedRun;
use crate::runs::{Evaluations, Summary};
use crate::task::Best;
use crate::task::metrics::Direction;

type EvaluatedScores = BTreeMap<String, f64>;

/// Which evaluations the scores come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Each run's best; all runs were evaluated at the same fractions of their training.
    Best,
    /// The best of the evaluations that all runs have in common.
    Common,
    /// The last one, because the runs have no other in common.
    Last,
}

/// A step as a fraction of a run's steps.
#[derive(Clone, Copy, Debug)]
struct StepShare {
    steps: u64,
    of: u64,
}

impl StepShare {
    const END: Self = Self { steps: 1, of: 1 };

    fn value(self) -> f64 {
        self.steps as f64 / self.of as f64
    }
}

impl Ord for StepShare {
    fn cmp(&self, other: &Self) -> Ordering {
        let cross = |a: u64, b: u64| u128::from(a) * u128::from(b);
        cross(self.steps, other.of).cmp(&cross(other.steps, self.of))
    }
}

impl PartialOrd for StepShare {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for StepShare {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for StepShare {}

/// When a finished run was evaluated, and with which scores.
struct RunEvaluations {
    /// `None` if neither its table nor its settings tell.
    when: Option<BTreeSet<StepShare>>,
    /// `None` if its table cannot be read or contradicts its summary.
    scores: Option<BTreeMap<StepShare, EvaluatedScores>>,
}

/// The evaluations of several runs, and which of them count.
pub(super) struct EvaluationBasis {
    /// Which evaluations count.
    pub basis: Basis,
    common: Vec<StepShare>,
    judge: Option<(String, Direction)>,
    looked: BTreeMap<PathBuf, RunEvaluations>,
}

impl EvaluationBasis {
    /// Finds the evaluations that the runs have in common. If different metrics picked the runs' best checkpoints, `judge`
    /// picks the best evaluation instead.
    pub fn of(runs: &[&ComparedRun], judge: Option<(String, Direction)>) -> Self {
        let looked: BTreeMap<PathBuf, RunEvaluations> =
            runs.iter().filter_map(|run| Some((run.run.path.clone(), looked(run, run.run.summary.as_ref()?)))).collect();
        let mut when = looked.values().map(|looked| &looked.when);
        let first = when.next();
        let same = first.is_none_or(|first| when.all(|other| other == first));
        let only_end = || BTreeSet::from([StepShare::END]);
        let each = looked.values().map(|looked| looked.when.clone().unwrap_or_else(only_end));
        let common = each.reduce(|common, when| &common & &when).unwrap_or_else(only_end);
        let readable = looked.values().all(|looked| looked.scores.is_some());
        let basis = match (same, readable) {
            (true, _) if judge.is_none() => Basis::Best,
            (_, true) if common.len() > 1 => Basis::Common,
            _ => Basis::Last,
        };
        let common = match basis {
            Basis::Best => Vec::new(),
            Basis::Common => common.into_iter().collect(),
            Basis::Last => vec![StepShare::END],
        };
        Self { basis, common, judge, looked }
    }

    /// Returns the evaluations that count, as fractions of training; empty if each run's best counts.
    pub fn shares(&self) -> Vec<f64> {
        self.common.iter().map(|share| share.value()).collect()
    }

    /// Returns how often a run was evaluated, if that is known.
    pub fn count(&self, run: &ComparedRun) -> Option<usize> {
        self.looked.get(&run.run.path)?.when.as_ref().map(BTreeSet::len)
    }

    /// Returns whether the scores of all of a run's evaluations are known.
    pub fn is_known(&self, run: &ComparedRun) -> bool {
        self.looked.get(&run.run.path).is_some_and(|looked| looked.scores.is_some())
    }

    /// Returns the scores of a finished run that count.
    pub fn scores<'a>(&'a self, run: &'a ComparedRun) -> Option<&'a EvaluatedScores> {
        let summary = run.run.summary.as_ref()?;
        match self.basis {
            Basis::Best => Some(&summary.best.scores),
            Basis::Last => Some(&summary.last.scores),
            Basis::Common => {
                let table = self.looked.get(&run.run.path)?.scores.as_ref()?;
                let (metric, direction) = match &self.judge {
                    Some((metric, direction)) => (metric, *direction),
                    None => (&summary.metric, summary.direction),
                };
                let mut best: Best<&EvaluatedScores> = Best::new(metric, direction);
                for scores in self.common.iter().filter_map(|share| table.get(share)) {
                    best.offer(scores, scores.get(metric).copied());
                }
                best.at()
            }
        }
    }

    /// Returns whether a finished run predicted the same class for every example in the evaluation that counts.
    pub fn is_collapsed(&self, run: &ComparedRun) -> bool {
        let (Some(summary), Some(scores)) = (&run.run.summary, self.scores(run)) else { return false };
        if *scores == summary.best.scores {
            return summary.collapsed;
        }
        // A collapse is recorded only for the best and the last evaluation.
        *scores == summary.last.scores && summary.last.collapsed
    }
}

fn looked(run: &ComparedRun, summary: &Summary) -> RunEvaluations {
    let scores = evaluations(run).map(|rows| {
        let share = |step: u64| StepShare { steps: step, of: summary.steps };
        rows.into_iter().map(|(step, scores)| (share(step), scores)).collect::<BTreeMap<_, _>>()
    });
    let when = scores.as_ref().map(|scores| scores.keys().copied().collect()).or_else(|| planned(run, summary));
    RunEvaluations { when, scores }
}

/// Returns the scores of a finished run's evaluations by step; `None` if the table is missing or contradicts the summary.
#[must_use]
pub fn evaluations(run: &ComparedRun) -> Option<BTreeMap<u64, EvaluatedScores>> {
    let summary = run.run.summary.as_ref()?;
    let evaluations = Evaluations::read(&run.run.path).ok()?;
    let rows: BTreeMap<u64, EvaluatedScores> = evaluations.validation().map(|row| (row.step, row.scores.clone())).collect();
    let agrees = |step: u64, scores: &EvaluatedScores| rows.get(&step) == Some(scores);
    let last = rows.keys().next_back() == Some(&summary.last.step) && summary.last.step <= summary.steps;
    (last && agrees(summary.best.step, &summary.best.scores) && agrees(summary.last.step, &summary.last.scores)).then_some(rows)
}

/// Derives from its settings when a run is evaluated.
fn planned(run: &ComparedRun, summary: &Summary) -> Option<BTreeSet<StepShare>> {
    /// Maximum number of evaluations that are worth enumerating.
    const MOST: u64 = 100_000;
    let number = |path: &str| run.settings.get(path).and_then(Value::as_u64).filter(|number| *number > 0);
    let total = summary.steps;
    let share = |steps: u64, of: u64| StepShare { steps, of };
    let shares: BTreeSet<StepShare> = match (number("evaluation.every"), number("epochs")) {
        (Some(every), _) if total > 0 && total / every <= MOST => {
            (1..=total / every).map(|turn| share(turn * every, total)).chain([StepShare::END]).collect()
        }
        (None, Some(epochs)) if epochs <= MOST => (1..=epochs).map(|epoch| share(epoch, epochs)).collect(),
        (None, None) if total > 0 => {
            let examples = u64::try_from(run.run.facts.train_examples).ok()?;
            let batches = examples.div_ceil(number("data.batch_size")?);
            let epoch = batches.div_ceil(number("training.gradient_accumulation")?);
            (1..=total / epoch.max(1)).map(|turn| share(turn * epoch, total)).chain([StepShare::END]).collect()
        }
        _ => return None,
    };
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_equal_by_value() {
        let share = |steps, of| StepShare { steps, of };
        assert_eq!(share(459, 1377), share(230, 690));
        assert!(share(1, 3) < share(1000, 2999) && share(u64::MAX - 1, u64::MAX) < StepShare::END);
        let (thirds, sixths) = ((1..=3).map(|n| share(n, 3)).collect::<BTreeSet<_>>(), (1..=6).map(|n| share(n, 6)).collect());
        assert_eq!(&thirds & &sixths, thirds);
    }
}
