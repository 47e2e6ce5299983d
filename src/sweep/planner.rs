//! Turns the proposals of a sweep's strategy into trials of the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;
use serde_json::Value as Json;

use super::limits::check_trials;
use super::plan::{PlannedTrial, duplicate, point_label, values};
use super::queue::TrialState;
use super::space::SearchSpace;
use super::strategy::{History, Proposal, Strategy};
use crate::experiment::Choice;
use crate::failure::{Failure, Outcome};
use crate::task::metrics::Direction;

/// A variant and a seed that are to become a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The variant's number, starting at 1.
    pub variant: usize,
    /// Its settings.
    pub point: Vec<Choice>,
    /// Index into the sweep's seeds.
    pub seed_index: usize,
    /// The seed; `None` for the experiment's own.
    pub seed: Option<u64>,
}

/// Makes trials from variants and seeds.
pub trait TrialMaker {
    /// Returns the trials, in the order of the candidates.
    ///
    /// # Errors
    /// Every problem of every candidate, each with the value that causes it; or data or a checkpoint that cannot be used.
    fn make(&mut self, candidates: &[Candidate]) -> Outcome<Vec<PlannedTrial>>;
}

/// What follows in a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Further {
    /// These trials.
    Trials(Vec<PlannedTrial>),
    /// Possibly more trials, once another one has ended.
    Wait,
    Nothing,
}

/// Plans the trials that a sweep asks for.
pub trait Planning {
    /// Returns the requested trials, given those that are already planned. A fixed strategy requests all of its trials; an
    /// adaptive one requests the known variants with every seed or, if there are none, its first variant.
    fn requested(&mut self, known: &[PlannedTrial]) -> Outcome<Arc<[PlannedTrial]>>;

    /// Returns what the strategy proposes beyond the plan.
    ///
    /// # Errors
    /// The proposal cannot be planned, or is already in the plan.
    fn propose(&mut self, plan: &[PlannedTrial], states: &[TrialState], direction: Direction) -> Outcome<Further>;
}

/// A strategy, and a maker that turns its proposals into trials.
pub struct Planner<M> {
    space: SearchSpace,
    seeds: Option<Vec<u64>>,
    strategy: Box<dyn Strategy>,
    maker: M,
    /// What the strategy requests before it has seen a score.
    initial: Option<Arc<[PlannedTrial]>>,
}

impl<M: TrialMaker> Planner<M> {
    /// Creates a planner. `seeds` are those of each variant; `None` if the experiment's own is the only one.
    pub fn new(space: SearchSpace, seeds: Option<Vec<u64>>, strategy: Box<dyn Strategy>, maker: M) -> Self {
        Self { space, seeds, strategy, maker, initial: None }
    }

    /// Returns the trial maker.
    pub fn maker(&mut self) -> &mut M {
        &mut self.maker
    }

    /// Returns whether the plan grows as scores come in.
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        self.strategy.is_adaptive()
    }

    fn seeds(&self) -> Vec<(usize, Option<u64>)> {
        self.seeds
            .as_ref()
            .map_or(vec![None], |seeds| seeds.iter().copied().map(Some).collect())
            .into_iter()
            .enumerate()
            .collect()
    }

    /// Makes trials seed by seed: each of these variants gets one trial before any gets its second.
    fn make(&mut self, variants: &[(usize, Vec<Choice>)]) -> Outcome<Vec<PlannedTrial>> {
        let with_seed = |(seed_index, seed): (usize, Option<u64>)| {
            variants.iter().map(move |(variant, point)| Candidate { variant: *variant, point: point.clone(), seed_index, seed })
        };
        let candidates: Vec<Candidate> = self.seeds().into_iter().flat_map(with_seed).collect();
        self.maker.make(&candidates)
    }

    fn initial(&mut self) -> Outcome<Arc<[PlannedTrial]>> {
        if let Some(known) = &self.initial {
            return Ok(Arc::clone(known));
        }
        let nothing = History::default();
        // With the same history, an adaptive strategy would give the same answer again.
        let most = if self.strategy.is_adaptive() { 1 } else { usize::MAX };
        let strategy = &mut self.strategy;
        let next = || match strategy.next(&nothing) {
            Proposal::Variant(point) => Some(point),
            Proposal::Wait | Proposal::Done => None,
        };
        let points: Vec<(usize, Vec<Choice>)> = (1..).zip(std::iter::from_fn(next)).take(most).collect();
        let trials = distinct(self.make(&points)?)?;
        Ok(Arc::clone(self.initial.insert(trials.into())))
    }
}

impl<M: TrialMaker> Planning for Planner<M> {
    fn requested(&mut self, known: &[PlannedTrial]) -> Outcome<Arc<[PlannedTrial]>> {
        if known.is_empty() || !self.strategy.is_adaptive() {
            return self.initial();
        }
        let variants: BTreeMap<usize, &BTreeMap<String, Json>> =
            known.iter().map(|trial| (trial.variant, &trial.choices)).collect();
        // A point that is no longer in the space is not requested.
        let points: Vec<(usize, Vec<Choice>)> =
            variants.into_iter().filter_map(|(variant, point)| Some((variant, self.space.locate(point)?))).collect();
        Ok(distinct(self.make(&points)?)?.into())
    }

    fn propose(&mut self, plan: &[PlannedTrial], states: &[TrialState], direction: Direction) -> Outcome<Further> {
        if !self.strategy.is_adaptive() {
            return Ok(Further::Nothing);
        }
        let history = History::of(plan, states, direction);
        let point = match self.strategy.next(&history) {
            Proposal::Variant(point) => values(&point),
            Proposal::Wait if history.has_open() => return Ok(Further::Wait),
            Proposal::Wait => return Err(Failure::Internal(anyhow!("the strategy waits, though every trial has ended"))),
            Proposal::Done => return Ok(Further::Nothing),
        };
        let refused = |why: &str| Failure::Internal(anyhow!("the strategy proposed {}, which {why}", point_label(&point)));
        if history.contains(&point) {
            return Err(refused("is in the plan already"));
        }
        let choices = self.space.locate(&point).ok_or_else(|| refused("is not in the sweep's space"))?;
        let variants = history.variants().len() as u64 + 1;
        check_trials(variants, self.seeds().len()).map_err(|complaint| Failure::Usage(anyhow!(complaint.message)))?;
        let variant = plan.iter().map(|trial| trial.variant).max().unwrap_or(0) + 1;
        let trials = self.make(&[(variant, choices)])?;
        same_training(plan.iter().chain(&trials))?;
        Ok(Further::Trials(trials))
    }
}

/// Refuses two trials with the same identity, which would be the same training twice.
fn same_training<'a>(trials: impl Iterator<Item = &'a PlannedTrial>) -> Outcome<()> {
    match duplicate(trials) {
        Some((one, other)) => Err(Failure::Usage(anyhow!("two trials are the same: {} and {}", one.label(), other.label()))),
        None => Ok(()),
    }
}

fn distinct(trials: Vec<PlannedTrial>) -> Outcome<Vec<PlannedTrial>> {
    same_training(trials.iter()).map(|()| trials)
}
