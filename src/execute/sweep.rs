//! One execution of a sweep: what is left of its plan, each trial in a process of its own.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::Pipeline;
use crate::inputs::{Inputs, Purpose, Shelf};
use crate::machine::memory_info::visible_gpus;
use crate::machine::signals::gentle;
use crate::numbers::counted;
use crate::progress::{Loudness, SweepProgress, say};
use crate::report::sweep_size_text;
use crate::settings::{DeviceChoice, OnFailure, Precision};
use crate::sweep::{
    Crew, DriveOptions, Driven, Jobs, Parallelism, PlannedTrial, Processes, StateCounts, SweepDirectory, TrialState, Workers,
    drive,
};
use crate::task::metrics::Direction;
use crate::train::{CudaSupport, Device};

/// How a sweep is run.
pub struct Conduct<'a> {
    /// Where it is.
    pub directory: &'a SweepDirectory,
    /// The metric that ranks, and which of its scores is better.
    pub metric: (&'a str, Direction),
    /// What a failed trial means for the rest.
    pub on_failure: OnFailure,
    /// How many trials run at once.
    pub jobs: Jobs,
    /// Whether failed trials are tried again.
    pub retry_failed: bool,
    /// Where trials train instead of where the plan says.
    pub device: Option<DeviceChoice>,
    /// How much is said.
    pub loudness: Loudness,
}

/// A sweep that came to its end, or was asked to stop.
pub struct Conducted {
    /// Every trial of the plan, also those that were added meanwhile.
    pub trials: Vec<PlannedTrial>,
    /// What has become of them.
    pub driven: Driven,
}

/// Runs what is left of the plan, and what is added to it meanwhile.
///
/// # Errors
/// The inputs cannot be used, or no process can be started.
pub fn conduct(how: &Conduct<'_>, mut trials: Vec<PlannedTrial>, hub: &Hub, shelf: &mut Shelf) -> Outcome<Conducted> {
    let (device, choice) = device(how, &trials)?;
    let facts = how.directory.facts().map_err(Failure::RunDirectory)?;
    how.directory.finish_records().map_err(Failure::RunDirectory)?;
    let mut asked = None;
    loop {
        let gpus = device.is_gpu().then(|| gpus(choice));
        let parallelism = parallelism(how.jobs, trials.len(), gpus.as_deref());
        let workers = Workers { most: parallelism.most(), gpus, device: how.device };
        let mut crew = Processes::new((how.directory, &facts), &trials, how.retry_failed, workers);
        let states = crew.states();
        say(how.loudness, &size(&trials, &states));
        if states.iter().any(|state| !state.is_final()) {
            prepare(&trials, &states, how.directory, hub, shelf)?;
        }
        if asked.is_none() {
            asked = Some(Asked::listen().map_err(Failure::Internal)?);
        }
        let often = || asked.as_ref().map_or(0, Asked::often);
        let mut progress = SweepProgress::new(&trials, &states, how.metric, parallelism.most(), how.loudness);
        let options = DriveOptions { parallelism, on_failure: how.on_failure };
        let driven = drive(&trials, &mut crew, &mut progress, options, &often);
        drop(progress);
        drop(crew);
        let driven = driven.map_err(Failure::RunDirectory)?;
        // A plan that somebody damaged meanwhile has nothing to add.
        let planned = how.directory.trials().unwrap_or_default();
        let stopped = driven.states.contains(&TrialState::Pending);
        if driven.interrupted || stopped || planned.len() <= trials.len() {
            return Ok(Conducted { trials, driven });
        }
        let added = counted(planned.len() - trials.len(), "trial was", "trials were");
        say(how.loudness, &format!("{added} added to the plan meanwhile"));
        trials = planned;
    }
}

/// The device of the first trial, which is the others' too, and as it was chosen.
fn device(how: &Conduct<'_>, trials: &[PlannedTrial]) -> Outcome<(Device, DeviceChoice)> {
    let settings = trials.first().map(|trial| {
        let experiment = Experiment::planned(how.directory.path(), trial.document());
        experiment.sound().cloned().map_err(Failure::Experiment)
    });
    let settings = settings.transpose()?;
    let planned = settings.as_ref().map_or(DeviceChoice::Auto, |settings| settings.device);
    let precision = settings.map_or(Precision::Fp32, |settings| settings.training.precision);
    let choice = how.device.unwrap_or(planned);
    Ok((Device::choose(choice, precision).map_err(Failure::Device)?, choice))
}

/// How many trials there are, and what has become of them.
fn size(trials: &[PlannedTrial], states: &[TrialState]) -> String {
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

/// Encodes every split once and reads every checkpoint once, so that what is wrong shows before the first trial.
fn prepare(
    trials: &[PlannedTrial],
    states: &[TrialState],
    directory: &SweepDirectory,
    hub: &Hub,
    shelf: &mut Shelf,
) -> Outcome<()> {
    let mut prepared = Vec::new();
    let mut variants = Vec::new();
    let open = trials.iter().zip(states).filter(|(_, state)| !state.is_final());
    for (trial, _) in open {
        if variants.contains(&trial.variant) {
            continue;
        }
        variants.push(trial.variant);
        let inputs = inputs_of(trial, directory.path(), hub, shelf)?;
        let made_of =
            (Arc::as_ptr(&inputs.named), inputs.trial.max_length, inputs.trial.train_examples, inputs.trial.validation_examples);
        if !prepared.contains(&made_of) {
            Pipeline::make(&inputs, &directory.tokens())?;
            prepared.push(made_of);
        }
    }
    Ok(())
}

fn inputs_of(trial: &PlannedTrial, path: &Path, hub: &Hub, shelf: &mut Shelf) -> Outcome<Inputs> {
    Inputs::of(Experiment::planned(path, trial.document()), Purpose::Training, hub, shelf)
}

/// On the CPU as many as there are cores, each with its share of them; on a GPU what fits is few.
fn parallelism(jobs: Jobs, trials: usize, gpus: Option<&[String]>) -> Parallelism {
    const WINDOW: Duration = Duration::from_secs(10);
    const MOST_ON_A_GPU: usize = 8;
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    match (jobs, gpus) {
        (Jobs::Exactly(jobs), _) => Parallelism::fixed(NonZero::new(trials).map_or(jobs, |trials| jobs.min(trials))),
        (Jobs::Auto, None) => Parallelism::tuned(1, cores().min(trials), WINDOW),
        (Jobs::Auto, Some(gpus)) => {
            let gpus = gpus.len().max(1);
            Parallelism::tuned(gpus, (gpus * MOST_ON_A_GPU).min(trials), WINDOW)
        }
    }
}

/// GPUs for trials in turn, where there are several and nobody has chosen one.
fn gpus(choice: DeviceChoice) -> Vec<String> {
    let CudaSupport::Built { devices, .. } = CudaSupport::find() else { return Vec::new() };
    if choice != DeviceChoice::Auto || devices < 2 {
        return Vec::new();
    }
    visible_gpus().unwrap_or_else(|| (0..devices).map(|device| device.to_string()).collect())
}

/// How often somebody asked to stop.
struct Asked {
    by_person: Arc<AtomicUsize>,
    /// Schedulers send SIGUSR1 ahead of SIGTERM, and a closed terminal SIGHUP: no reason to end trials without saving.
    by_system: Arc<AtomicBool>,
}

impl Asked {
    fn listen() -> Result<Self> {
        let asked = Self { by_person: Arc::default(), by_system: Arc::default() };
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen to signals")?;
        for signal in gentle() {
            flag::register(signal, Arc::clone(&asked.by_system)).context("cannot listen to signals")?;
        }
        let counter = Arc::clone(&asked.by_person);
        std::thread::spawn(move || {
            for _ in signals.forever() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(asked)
    }

    fn often(&self) -> usize {
        let by_system = usize::from(self.by_system.load(Ordering::Relaxed));
        self.by_person.load(Ordering::Relaxed).max(by_system)
    }
}
