//! Training of the experiments given on the command line, one after the other.

use std::path::Path;

use serde_json::Value;

use super::{Begin, Ended, RunOptions, execute, with_device};
use crate::cli::RunArgs;
use crate::experiment::{Environment, Experiment};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{EncodedInputs, ReadFor, TrialInputs};
use crate::machine::signals::StopSignal;
use crate::numbers::bytes;
use crate::progress::Loudness;
use crate::report::run_json;
use crate::runs::{DiskSpace, StoredRun, free_bytes};
use crate::terminal::{complain, complain_styled};
use crate::tokens::TokenCache;
use crate::train::Device;

/// Trains each experiment, after all of them have been checked. Each run is passed to `ended` as soon as it ends.
///
/// # Errors
/// An experiment cannot be used, or some training runs failed; a failure does not stop the others.
pub fn run_experiments(arguments: &RunArgs, ended: &mut dyn FnMut(&Ended) -> Outcome<()>) -> Outcome<()> {
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
    let root = arguments.runs.root.as_path();
    let checked = checked(arguments, loudness)?;
    let mut run_one = |inputs: &TrialInputs, device: &Device| {
        let encoded = EncodedInputs::new(inputs, &TokenCache::of_user())?;
        warn_of_space(&encoded, root);
        ended(&train_in_terminal(&encoded, device, Begin::New(root), root, loudness)?)
    };
    if let [(inputs, device)] = checked.as_slice() {
        return run_one(inputs, device);
    }
    let mut failed = Vec::new();
    for ((inputs, device), file) in checked.iter().zip(&arguments.experiments.files) {
        match run_one(inputs, device) {
            Ok(()) => {}
            // A stop request is meant for all of them.
            Err(failure @ Failure::Interrupted(_)) => return Err(failure),
            Err(failure) => {
                complain(&format!("{}: {}", file.display(), failure.message()));
                failed.push((file.display().to_string(), failure.exit_code()));
            }
        }
    }
    let Some((_, code)) = failed.first() else { return Ok(()) };
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!("{} of {} experiments failed: {}", failed.len(), checked.len(), names.join(", "));
    Err(Failure::Several { message, code: *code })
}

/// Checks all experiments first. With several, their weights and texts are read too, so that errors in those do not show
/// only after hours of training another experiment.
fn checked(arguments: &RunArgs, loudness: Loudness) -> Outcome<Vec<(TrialInputs, Device)>> {
    let (environment, hub) = (Environment::from_env(&arguments.runs.root), Hub::from_env(loudness == Loudness::Normal));
    let overrides = arguments.experiments.overrides.all();
    let mut checked = Vec::new();
    for file in &arguments.experiments.files {
        let inputs = TrialInputs::read(file, ReadFor::Training, &overrides, &environment, &hub)?;
        if loudness == Loudness::Normal {
            warn_of(&inputs.experiment);
        }
        let (inputs, device) = with_device(inputs)?;
        checked.push((inputs, arguments.kernels.on(device)));
    }
    if checked.len() > 1 {
        checked.iter().try_for_each(|(inputs, _)| EncodedInputs::new(inputs, &TokenCache::of_user()).map(drop))?;
    }
    Ok(checked)
}

/// Prints warnings about an experiment without errors.
pub fn warn_of(experiment: &Experiment) {
    let remarks = experiment.remarks();
    if !remarks.0.is_empty() {
        complain_styled(&remarks.styled_warnings());
    }
}

/// Warns if free disk space may not suffice. This is not an error, because only a long training run may need that much.
fn warn_of_space(encoded: &EncodedInputs<'_>, root: &Path) {
    let needed = DiskSpace::of(&encoded.inputs.trial).peak_bytes;
    if let Some(free) = free_bytes(root).filter(|free| *free < needed) {
        let (needed, free, root) = (bytes(needed), bytes(free), root.display());
        complain(&format!(
            "warning: this run may need up to {needed} of disk, and {free} are free for {root}: checkpoints.keep and checkpoints.every change that"
        ));
    }
}

/// Trains for a user at a terminal, who may press Ctrl-C and find the run again below `root`.
pub fn train_in_terminal(
    encoded: &EncodedInputs<'_>,
    device: &Device,
    begin: Begin<'_>,
    root: &Path,
    loudness: Loudness,
) -> Outcome<Ended> {
    let stop = StopSignal::on_signals_answered().map_err(Failure::Internal)?;
    let options = RunOptions { loudness, stop, runs: Some(root.to_path_buf()), keeps_state: true };
    execute(encoded, device, begin, &options, &mut [])
}

impl Ended {
    /// Returns a finished run as JSON.
    pub fn json(&self) -> Outcome<Option<Value>> {
        let read = || StoredRun::read(self.directory.root()).map(|run| run_json(&run)).map_err(Failure::RunDirectory);
        self.result.as_ref().map(|_| read()).transpose()
    }
}
