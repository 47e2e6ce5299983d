//! From an experiment with a sweep to its trials, or every problem of every trial at once.

use std::collections::BTreeMap;

use super::grid::{grid, product};
use super::plan::{PlannedTrial, Work, values};
use super::prune::rungs;
use super::random::random;
use super::space::Space;
use crate::experiment::{Choice, Experiment, is_whole, schema};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose, Shelf};
use crate::problem::{Problem, Problems};
use crate::runs::{identity, setting_rows};
use crate::settings::{Complaint, Strategy, Sweep};

/// The trials of a sweep, seed by seed: each variant has had one trial before any has its second.
///
/// # Errors
/// Every problem of the sweep and of its trials; or data or checkpoints that cannot be used.
pub fn expand(experiment: &mut Experiment, hub: &Hub, shelf: &mut Shelf) -> Outcome<Vec<PlannedTrial>> {
    let Some(sweep) = experiment.sweep.clone().filter(|_| experiment.problems.is_empty()) else {
        return Err(Failure::Experiment(Problems(std::mem::take(&mut experiment.problems))));
    };
    let schema = schema();
    let space = Space::of(&sweep, |path| is_whole(schema, path));
    let variants = variants(&sweep, &space, experiment.seed());
    let variants = variants.map_err(|complaint| {
        experiment.complain(vec![complaint]);
        Failure::Experiment(Problems(experiment.problems.clone()))
    })?;
    let seeds: Vec<Option<u64>> = sweep.seeds.as_ref().map_or(vec![None], |seeds| seeds.iter().copied().map(Some).collect());
    let mut trials = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for (turn, seed) in seeds.iter().enumerate() {
        for (number, point) in variants.iter().enumerate() {
            let seed = seed.map(|seed| Choice { path: "seed".into(), value: seed.into(), place: format!("sweep.seeds[{turn}]") });
            let choices: Vec<Choice> = point.iter().cloned().chain(seed).collect();
            match Inputs::of(experiment.trial(&choices), Purpose::Training, hub, shelf) {
                Ok(inputs) => trials.push(planned(inputs, &sweep, point, number + 1, turn == 0)?),
                Err(Failure::Experiment(Problems(found))) => problems.extend(found),
                Err(other) => return Err(other),
            }
        }
    }
    if problems.is_empty() { distinct(trials) } else { Err(Failure::Experiment(Problems(without_repeats(problems)))) }
}

fn variants(sweep: &Sweep, space: &Space, seed: u64) -> Result<Vec<Vec<Choice>>, Complaint> {
    let points = if let (Strategy::Random, Some(trials)) = (sweep.strategy, sweep.trials) {
        let points = random(space, seed, trials.get());
        if points.len() < trials.get() && !points.is_empty() {
            let message = format!("the axes have only {} different variants, {trials} are asked for", points.len());
            return Err(Complaint::new("sweep.trials", message).help("lower `trials`, or write strategy = \"grid\""));
        }
        points
    } else {
        if let Some(index) = space.idle_exclusions(&product(space)).first() {
            let message = "this table leaves out nothing";
            let complaint = Complaint::new(&format!("sweep.exclude[{index}]"), message);
            return Err(complaint.help("no combination of the axes has these values"));
        }
        grid(space)
    };
    if points.is_empty() { Err(Complaint::new("sweep.exclude", "every variant is left out")) } else { Ok(points) }
}

fn planned(mut inputs: Inputs, sweep: &Sweep, point: &[Choice], variant: usize, is_first_seed: bool) -> Outcome<PlannedTrial> {
    let trial = &mut inputs.trial;
    trial.rungs = sweep.prune.as_ref().map_or_else(Vec::new, |prune| rungs(prune, trial.steps.total));
    let trial = &inputs.trial;
    let evaluations = (1..=trial.steps.total).filter(|step| trial.evaluates_after(*step)).count() as u64;
    let passes = trial.steps.total as f64 / trial.steps.per_epoch.max(1) as f64;
    let work = Work {
        learnt: (passes * trial.train_examples as f64).round() as u64,
        scored: evaluations * trial.validation_examples as u64,
    };
    let settings = setting_rows(&inputs);
    let hashes = inputs.named.hashes().map_err(Failure::Checkpoint)?;
    Ok(PlannedTrial {
        id: identity(&settings, &hashes, &trial.rungs),
        variant,
        choices: values(point),
        seed: trial.settings.seed,
        steps: trial.steps.total,
        work,
        rungs: trial.rungs.clone(),
        decides: is_first_seed && !trial.rungs.is_empty(),
        settings,
    })
}

/// Two trials with one identity would be the same training twice.
fn distinct(trials: Vec<PlannedTrial>) -> Outcome<Vec<PlannedTrial>> {
    let mut known: BTreeMap<&str, &PlannedTrial> = BTreeMap::new();
    for trial in &trials {
        if let Some(other) = known.insert(&trial.id, trial) {
            let message = format!("two trials are the same training: {} and {}", other.label(), trial.label());
            return Err(Failure::Usage(anyhow::anyhow!(message)));
        }
    }
    Ok(trials)
}

/// The same mistake shows in many trials.
fn without_repeats(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    for problem in problems {
        let is_known = |known: &Problem| {
            known.message == problem.message
                && known.place.as_ref().and_then(|place| place.span.clone())
                    == problem.place.as_ref().and_then(|place| place.span.clone())
        };
        if !kept.iter().any(is_known) {
            kept.push(problem);
        }
    }
    kept
}
