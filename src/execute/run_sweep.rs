//! One execution of a sweep: its remaining trials, each in its own process.

use std::path::Path;
use std::sync::Arc;

use super::workers::{choose_gpus, parallelism};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::EncodedInputs;
use crate::inputs::{InputCache, ReadFor, TrialInputs};
use crate::machine::signals::StopRequests;
use crate::progress::{Loudness, SweepProgress, say};
use crate::report::sweep_size_text;
use crate::settings::{DeviceChoice, OnFailure, Precision};
use crate::sweep::{
    Crew, DriveOptions, Driven, ExperimentTrials, GrowingPlan, Jobs, PlannedTrial, Planner, Planning, Processes, RankingMetric,
    StateCounts, SweepDirectory, TrialState, Workers, drive,
};
use crate::train::Device;

/// Options for running a sweep.
pub struct SweepOptions<'a> {
    pub directory: &'a SweepDirectory,
    /// The metric that ranks the variants; `None` if each task has its own.
    pub ranked_by: Option<&'a RankingMetric>,
    /// What to do after a trial fails.
    pub on_failure: OnFailure,
    /// How many trials run in parallel.
    pub jobs: Jobs,
    /// Whether failed trials are retried.
    pub retry_failed: bool,
    /// Device to train on in place of the planned one.
    pub device: Option<DeviceChoice>,
    /// How much is printed.
    pub loudness: Loudness,
}

/// Runs the remaining trials of the plan, and those added meanwhile by other processes or, with a `planner`, by its
/// strategy.
///
/// # Errors
/// The inputs cannot be used, no process can be started, or the plan cannot be extended.
pub fn run_sweep(
    options: &SweepOptions<'_>,
    trials: Vec<PlannedTrial>,
    hub: &Hub,
    mut planner: Option<&mut Planner<ExperimentTrials<'_>>>,
) -> Outcome<Driven> {
    let directory = options.directory;
    let (device, choice) = device(options, &trials)?;
    let facts = directory.facts().map_err(Failure::RunDirectory)?;
    directory.finish_records().map_err(Failure::RunDirectory)?;
    let gpus = device.is_gpu().then(|| choose_gpus(choice));
    let grows = planner.as_ref().is_some_and(|planner| planner.is_adaptive());
    let parallelism = parallelism(options.jobs, if grows { usize::MAX } else { trials.len() }, gpus.as_deref());
    let workers = Workers { most: parallelism.most(), gpus, device: options.device };
    let mut crew = Processes::new((directory, &facts), trials.clone(), options.retry_failed, workers);
    let states = crew.states();
    say(options.loudness, &size_text(&trials, &states));
    let mut own = InputCache::default();
    let cache = planner.as_mut().map_or(&mut own, |planner| planner.maker().cache());
    prepare(&trials, &states, directory, hub, cache)?;
    let stop = StopRequests::listen().map_err(Failure::Internal)?;
    let mut progress = SweepProgress::new(&trials, &states, options.ranked_by, parallelism.most(), options.loudness);
    let planning = planner.map(|planner| planner as &mut dyn Planning);
    let direction = options.ranked_by.map(|ranked_by| ranked_by.direction);
    let mut plan = GrowingPlan::new(directory, planning, direction, options.retry_failed);
    let drive_options = DriveOptions { parallelism, on_failure: options.on_failure };
    drive(trials, &mut plan, &mut crew, &mut progress, drive_options, &|| stop.count())
}

/// Returns the device of the first trial, which is the same for all trials, and the choice that led to it.
fn device(options: &SweepOptions<'_>, trials: &[PlannedTrial]) -> Outcome<(Device, DeviceChoice)> {
    let settings = trials.first().map(|trial| {
        let experiment = Experiment::planned(options.directory.path(), trial.document());
        experiment.sound().cloned().map_err(Failure::Experiment)
    });
    let settings = settings.transpose()?;
    let planned = settings.as_ref().map_or(DeviceChoice::Auto, |settings| settings.device);
    let choice = options.device.unwrap_or(planned);
    // Planned trials name their precision.
    let precision = settings.map_or(Precision::Fp32, |settings| settings.training.precision.resolved(Precision::Fp32));
    Ok((Device::choose(choice, precision).map_err(Failure::Device)?, choice))
}

/// Formats the number of trials and their states.
fn size_text(trials: &[PlannedTrial], states: &[TrialState]) -> String {
    let counts = StateCounts::of(states);
    let mut words = vec![sweep_size_text(trials)];
    let counts = [
        (counts.done, "done"),
        (counts.failed, "failed (--retry-failed tries them again)"),
        (counts.stopped, "stopped early"),
        (counts.running, "running in another process"),
    ];
    words.extend(counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    words.join("; ")
}

/// Encodes every split once and reads every checkpoint once, so that errors show before the first trial.
fn prepare(
    trials: &[PlannedTrial],
    states: &[TrialState],
    directory: &SweepDirectory,
    hub: &Hub,
    cache: &mut InputCache,
) -> Outcome<()> {
    let mut prepared = Vec::new();
    let mut variants = Vec::new();
    let open = trials.iter().zip(states).filter(|(_, state)| !state.is_final());
    for (trial, _) in open {
        if variants.contains(&trial.variant) {
            continue;
        }
        variants.push(trial.variant);
        let inputs = inputs_of(trial, directory.path(), hub, cache)?;
        let made_of =
            (Arc::as_ptr(&inputs.loaded), inputs.trial.max_length, inputs.trial.train_examples, inputs.trial.validation_examples);
        if !prepared.contains(&made_of) {
            EncodedInputs::new(&inputs, &directory.tokens())?;
            prepared.push(made_of);
        }
    }
    Ok(())
}

fn inputs_of(trial: &PlannedTrial, path: &Path, hub: &Hub, cache: &mut InputCache) -> Outcome<TrialInputs> {
    TrialInputs::of(Experiment::planned(path, trial.document()), ReadFor::Training, hub, cache)
}
