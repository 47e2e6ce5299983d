//! Search strategies: what a sweep tries next, and the history that a strategy sees.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as Json;

use super::plan::PlannedTrial;
use super::queue::TrialState;
use super::space::point_key;
use crate::experiment::Choice;
use crate::task::metrics::Direction;

/// Proposes the variants of a sweep, one after the other; each is trained with every seed.
///
/// A proposal depends only on the sweep's space and seed and on the history. The plan on disk is the history, so a process
/// that takes over, or several that share a sweep, continue what others began.
pub trait Strategy {
    /// Returns the variant that follows those in the plan. It is not one of them ([`History::contains`]).
    fn next(&mut self, history: &History) -> Proposal;

    /// Returns whether proposals depend on scores. If so, each is requested when a worker is free to train it; if not, all
    /// are requested before the first trial, with an empty history.
    fn is_adaptive(&self) -> bool {
        true
    }
}

/// A strategy's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Proposal {
    /// Train this variant.
    Variant(Vec<Choice>),
    /// Ask again when another trial has ended.
    Wait,
    /// There is nothing left to try.
    Done,
}

/// The variants in the plan, in plan order.
#[derive(Clone, Debug, Default)]
pub struct History {
    variants: Vec<TriedVariant>,
    keys: HashSet<String>,
}

/// A variant in the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct TriedVariant {
    /// The values of its settings, by dotted path.
    pub point: BTreeMap<String, Json>,
    /// The result of its trials.
    pub result: VariantResult,
}

/// The result of a variant's trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VariantResult {
    /// Some trials have not ended.
    Open,
    /// The mean of the scores by the sweep's metric, negated if lower is better: here, higher is always better.
    Scored(f64),
    /// It was stopped at a rung, because it fell behind.
    Stopped,
    /// No trial has a score.
    Failed,
}

impl History {
    /// Builds the history from a plan and the states of its trials.
    #[must_use]
    pub fn of(trials: &[PlannedTrial], states: &[TrialState], direction: Direction) -> Self {
        let mut by_variant: HashMap<usize, usize> = HashMap::new();
        let mut found: Vec<(&PlannedTrial, Vec<&TrialState>)> = Vec::new();
        for (trial, state) in trials.iter().zip(states) {
            let index = *by_variant.entry(trial.variant).or_insert_with(|| {
                found.push((trial, Vec::new()));
                found.len() - 1
            });
            found[index].1.push(state);
        }
        let mut history = Self::default();
        for (trial, states) in found {
            history.keys.insert(point_key(&trial.choices));
            history.variants.push(TriedVariant { point: trial.choices.clone(), result: result(&states, direction) });
        }
        history
    }

    /// Returns every variant, in plan order.
    #[must_use]
    pub fn variants(&self) -> &[TriedVariant] {
        &self.variants
    }

    /// Returns whether a variant with these values is in the plan; 8 and 8.0 are the same value.
    #[must_use]
    pub fn contains(&self, point: &BTreeMap<String, Json>) -> bool {
        self.keys.contains(&point_key(point))
    }

    /// Returns whether any variant has trials that have not ended.
    #[must_use]
    pub fn has_open(&self) -> bool {
        self.variants.iter().any(|variant| variant.result == VariantResult::Open)
    }
}

fn result(states: &[&TrialState], direction: Direction) -> VariantResult {
    if states.iter().any(|state| matches!(state, TrialState::Pruned(_))) {
        return VariantResult::Stopped;
    }
    if !states.iter().all(|state| state.is_final()) {
        return VariantResult::Open;
    }
    let scores: Vec<f64> = states
        .iter()
        .filter_map(|state| if let TrialState::Done(score) = state { *score } else { None })
        .filter(|score| score.is_finite())
        .collect();
    if scores.is_empty() {
        return VariantResult::Failed;
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    VariantResult::Scored(if direction == Direction::Maximize { mean } else { -mean })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::Workload;
    use serde_json::json;

    fn trial(variant: usize, seed: u64, x: Json) -> PlannedTrial {
        PlannedTrial {
            id: format!("v{variant}s{seed}"),
            numerics: 1,
            first_id: None,
            variant,
            choices: BTreeMap::from([("x".into(), x)]),
            seed,
            steps: 1,
            work: Workload { learnt: 1, scored: 1 },
            rungs: Vec::new(),
            decides: false,
            settings: Vec::new(),
            absolute: BTreeMap::new(),
        }
    }

    #[test]
    fn seeds_of_a_variant_are_replicates_whose_mean_is_its_score() {
        use VariantResult::{Failed, Open, Scored, Stopped};
        let trials: Vec<PlannedTrial> =
            [1, 2].into_iter().flat_map(|seed| (1..=5).map(move |variant| trial(variant, seed, json!(variant)))).collect();
        let done = |score: f64| TrialState::Done(Some(score));
        let failed = || TrialState::Failed("no".into());
        let states = [
            [done(0.5), done(0.1), failed(), TrialState::Pruned("behind".into()), failed()],
            [done(0.7), TrialState::Running, done(0.2), TrialState::Pending, TrialState::Done(None)],
        ]
        .concat();
        let results = |direction| -> Vec<VariantResult> {
            History::of(&trials, &states, direction).variants().iter().map(|variant| variant.result).collect()
        };
        assert_eq!(results(Direction::Maximize), [Scored(0.6), Open, Scored(0.2), Stopped, Failed]);
        assert_eq!(results(Direction::Minimize)[0], Scored(-0.6));
    }

    #[test]
    fn equal_numbers_are_one_value_however_they_are_written() {
        let history = History::of(&[trial(1, 1, json!(8))], &[TrialState::Pending], Direction::Maximize);
        let point = |x: Json| BTreeMap::from([("x".to_string(), x)]);
        assert!(history.contains(&point(json!(8.0))) && !history.contains(&point(json!(9))));
        assert!(history.has_open());
    }
}
