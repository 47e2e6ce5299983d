//! Makes the trials of an experiment, or reports the problems of all trials together.

use std::collections::BTreeMap;

use super::halving::rungs;
use super::plan::{PlannedTrial, Workload, values};
use super::planner::{Candidate, Planner, TrialMaker};
use super::space::SearchSpace;
use super::strategies::strategy;
use super::strategy::Strategy;
use crate::experiment::problem::{Problem, Problems};
use crate::experiment::{Choice, Experiment, is_whole, schema};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{InputCache, ReadFor, TrialInputs};
use crate::plan::Provenance;
use crate::settings::{SettingProblem, Sweep, TASK, unrankable};

/// Number of distinct problems after which no more are looked for.
const ENOUGH: usize = 20;

/// Makes the trials of an experiment that has a sweep.
pub struct ExperimentTrials<'a> {
    experiment: Experiment,
    sweep: Sweep,
    hub: &'a Hub,
    cache: InputCache,
}

impl<'a> Planner<ExperimentTrials<'a>> {
    /// Plans the sweep of an experiment with the strategy that it names.
    pub fn of(experiment: Experiment, hub: &'a Hub) -> Outcome<Self> {
        Self::with_strategy(experiment, hub, strategy)
    }

    /// Plans it with another strategy, built from the sweep, its space and the experiment's seed.
    pub fn with_strategy(
        mut experiment: Experiment,
        hub: &'a Hub,
        strategy: impl FnOnce(&Sweep, &SearchSpace, u64) -> Result<Box<dyn Strategy>, SettingProblem>,
    ) -> Outcome<Self> {
        let Some(sweep) = experiment.sweep.clone().filter(|_| experiment.problems.is_empty()) else {
            return Err(Failure::Experiment(Problems(experiment.problems)));
        };
        let schema = schema();
        let space = SearchSpace::of(&sweep, |path| is_whole(schema, path));
        let strategy = strategy(&sweep, &space, experiment.seed()).map_err(|complaint| {
            experiment.add_problems(vec![complaint]);
            Failure::Experiment(Problems(experiment.problems.clone()))
        })?;
        if strategy.is_adaptive() && sweep.varies(TASK) {
            experiment.add_problems(vec![unrankable("sweep.strategy", "a strategy that looks at scores")]);
            return Err(Failure::Experiment(Problems(experiment.problems)));
        }
        let seeds = sweep.seeds.clone();
        Ok(Self::new(space, seeds, strategy, ExperimentTrials { experiment, sweep, hub, cache: InputCache::default() }))
    }
}

impl ExperimentTrials<'_> {
    pub fn experiment(&mut self) -> &mut Experiment {
        &mut self.experiment
    }

    /// Returns the experiment's sweep.
    #[must_use]
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// Returns the cache of what its trials have read.
    pub fn cache(&mut self) -> &mut InputCache {
        &mut self.cache
    }
}

impl TrialMaker for ExperimentTrials<'_> {
    fn make(&mut self, candidates: &[Candidate]) -> Outcome<Vec<PlannedTrial>> {
        let mut trials = Vec::new();
        let mut problems: Vec<Problem> = Vec::new();
        for Candidate { variant, point, seed_index, seed } in candidates {
            let place = format!("sweep.seeds[{seed_index}]");
            let seed = seed.map(|seed| Choice { path: "seed".into(), value: seed.into(), place });
            let choices: Vec<Choice> = point.iter().cloned().chain(seed).collect();
            match TrialInputs::of(self.experiment.trial(&choices), ReadFor::Training, self.hub, &mut self.cache) {
                Ok(inputs) => trials.push(planned(inputs, &self.sweep, point, *variant, *seed_index == 0)?),
                Err(Failure::Experiment(Problems(found))) => {
                    for problem in found {
                        add(&mut problems, problem);
                    }
                    if problems.len() >= ENOUGH {
                        break;
                    }
                }
                Err(other) => return Err(other),
            }
        }
        if problems.is_empty() { Ok(trials) } else { Err(Failure::Experiment(Problems(problems))) }
    }
}

fn planned(
    mut inputs: TrialInputs,
    sweep: &Sweep,
    point: &[Choice],
    variant: usize,
    is_first_seed: bool,
) -> Outcome<PlannedTrial> {
    let trial = &mut inputs.trial;
    trial.rungs = sweep.prune.as_ref().map_or_else(Vec::new, |prune| rungs(prune, trial.steps.total));
    let trial = &inputs.trial;
    let passes = trial.steps.total as f64 / trial.steps.per_epoch.max(1) as f64;
    let work = Workload {
        learnt: (passes * trial.train_examples as f64).round() as u64,
        scored: trial.evaluations().saturating_mul(trial.validation_examples as u64),
    };
    let settings = inputs.setting_rows();
    let hashes = inputs.loaded.hashes().map_err(Failure::Checkpoint)?;
    let provenance = inputs.provenance(hashes.clone())?;
    let first = Provenance::new(&settings, &trial.rungs, hashes, provenance.tokenization, 1);
    Ok(PlannedTrial {
        numerics: provenance.numerics,
        first_id: (provenance.numerics > 1).then_some(first.identity),
        id: provenance.identity,
        variant,
        choices: values(point),
        seed: trial.settings.seed,
        steps: trial.steps.total,
        work,
        rungs: trial.rungs.clone(),
        decides: is_first_seed && !trial.rungs.is_empty(),
        absolute: BTreeMap::new(),
        settings,
    })
}

/// Adds a problem unless it is known: the same mistake shows in many trials.
fn add(problems: &mut Vec<Problem>, problem: Problem) {
    let span = |problem: &Problem| problem.place.as_ref().and_then(|place| place.span.clone());
    if !problems.iter().any(|known| known.message == problem.message && span(known) == span(&problem)) {
        problems.push(problem);
    }
}
