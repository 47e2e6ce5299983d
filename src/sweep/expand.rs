//! From an experiment with a sweep to its trials, or every problem of every trial at once.

use std::collections::BTreeMap;

use super::grid::{grid, points, size};
use super::halving::rungs;
use super::plan::{PlannedTrial, Workload, duplicate, values};
use super::random::random;
use super::space::SearchSpace;
use crate::experiment::problem::{Problem, Problems};
use crate::experiment::{Choice, Experiment, is_whole, schema};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose, Shelf};
use crate::numbers::{count, counted};
use crate::plan::Provenance;
use crate::settings::{SettingProblem, Strategy, Sweep};

/// The most trials of a sweep: far more than anybody trains, and few enough to be planned in seconds.
const MOST: u64 = 10_000;
/// The most combinations of a grid, those that are left out included.
const LARGEST_GRID: u64 = 100_000;
/// Different mistakes after which no more are looked for.
const ENOUGH: usize = 20;

/// The trials of a sweep, seed by seed: each variant has had one trial before any has its second.
///
/// # Errors
/// Every problem of the sweep and of its trials; or data or checkpoints that cannot be used.
pub fn expand(experiment: &mut Experiment, hub: &Hub, shelf: &mut Shelf) -> Outcome<Vec<PlannedTrial>> {
    let Some(sweep) = experiment.sweep.clone().filter(|_| experiment.problems.is_empty()) else {
        return Err(Failure::Experiment(Problems(std::mem::take(&mut experiment.problems))));
    };
    let schema = schema();
    let space = SearchSpace::of(&sweep, |path| is_whole(schema, path));
    let variants = variants(&sweep, &space, experiment.seed());
    let variants = variants.map_err(|complaint| {
        experiment.add_problems(vec![complaint]);
        Failure::Experiment(Problems(experiment.problems.clone()))
    })?;
    let seeds: Vec<Option<u64>> = sweep.seeds.as_ref().map_or(vec![None], |seeds| seeds.iter().copied().map(Some).collect());
    let mut trials = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    'all: for (turn, seed) in seeds.iter().enumerate() {
        for (number, point) in variants.iter().enumerate() {
            let seed = seed.map(|seed| Choice { path: "seed".into(), value: seed.into(), place: format!("sweep.seeds[{turn}]") });
            let choices: Vec<Choice> = point.iter().cloned().chain(seed).collect();
            match Inputs::of(experiment.trial(&choices), Purpose::Training, hub, shelf) {
                Ok(inputs) => trials.push(planned(inputs, &sweep, point, number + 1, turn == 0)?),
                Err(Failure::Experiment(Problems(found))) => {
                    for problem in found {
                        add(&mut problems, problem);
                    }
                    if problems.len() >= ENOUGH {
                        break 'all;
                    }
                }
                Err(other) => return Err(other),
            }
        }
    }
    if problems.is_empty() { distinct(trials) } else { Err(Failure::Experiment(Problems(problems))) }
}

fn variants(sweep: &Sweep, space: &SearchSpace, seed: u64) -> Result<Vec<Vec<Choice>>, SettingProblem> {
    let seeds = sweep.seeds.as_ref().map_or(1, Vec::len) as u64;
    let points = if let (Strategy::Random, Some(trials)) = (sweep.strategy, sweep.trials) {
        refuse_too_many(trials.get() as u64, seeds)?;
        let points = random(space, seed, trials.get());
        if points.len() < trials.get() && !points.is_empty() {
            let message = format!("the axes have only {} different variants, {trials} are asked for", points.len());
            return Err(SettingProblem::new("sweep.trials", message).help("lower `trials`, or write strategy = \"grid\""));
        }
        points
    } else {
        let combinations = size(space);
        if combinations > LARGEST_GRID {
            let message = format!(
                "the axes have {} combinations, more than the {} that a grid may have",
                count(combinations),
                count(LARGEST_GRID)
            );
            return Err(SettingProblem::new("sweep.axes", message).help(FEWER));
        }
        if let Some(index) = space.idle_exclusion(points(space)) {
            let message = "this table leaves out nothing";
            let complaint = SettingProblem::new(&format!("sweep.exclude[{index}]"), message);
            return Err(complaint.help("no combination of the axes has these values"));
        }
        let points = grid(space);
        refuse_too_many(points.len() as u64, seeds)?;
        points
    };
    if points.is_empty() { Err(SettingProblem::new("sweep.exclude", "every variant is left out")) } else { Ok(points) }
}

const FEWER: &str = "list fewer values, or draw some combinations: strategy = \"random\" and trials = 20";

fn refuse_too_many(variants: u64, seeds: u64) -> Result<(), SettingProblem> {
    let trials = variants.saturating_mul(seeds);
    if trials <= MOST {
        return Ok(());
    }
    let all = format!(
        "{} with {} are {} trials",
        counted(variants as usize, "variant", "variants"),
        counted(seeds as usize, "seed", "seeds"),
        count(trials)
    );
    Err(SettingProblem::new("sweep", format!("{all}, more than the {} that a sweep may have", count(MOST))).help(FEWER))
}

fn planned(mut inputs: Inputs, sweep: &Sweep, point: &[Choice], variant: usize, is_first_seed: bool) -> Outcome<PlannedTrial> {
    let trial = &mut inputs.trial;
    trial.rungs = sweep.prune.as_ref().map_or_else(Vec::new, |prune| rungs(prune, trial.steps.total));
    let trial = &inputs.trial;
    let passes = trial.steps.total as f64 / trial.steps.per_epoch.max(1) as f64;
    let work = Workload {
        learnt: (passes * trial.train_examples as f64).round() as u64,
        scored: trial.evaluations().saturating_mul(trial.validation_examples as u64),
    };
    let settings = inputs.setting_rows();
    let hashes = inputs.named.hashes().map_err(Failure::Checkpoint)?;
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

/// Two trials with one identity would be the same training twice.
fn distinct(trials: Vec<PlannedTrial>) -> Outcome<Vec<PlannedTrial>> {
    let message =
        duplicate(&trials).map(|(one, other)| format!("two trials are the same training: {} and {}", one.label(), other.label()));
    message.map_or(Ok(trials), |message| Err(Failure::Usage(anyhow::anyhow!(message))))
}

/// The same mistake shows in many trials.
fn add(problems: &mut Vec<Problem>, problem: Problem) {
    let span = |problem: &Problem| problem.place.as_ref().and_then(|place| place.span.clone());
    if !problems.iter().any(|known| known.message == problem.message && span(known) == span(&problem)) {
        problems.push(problem);
    }
}
