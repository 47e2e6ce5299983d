//! `gluepot run`.

use std::path::Path;

use serde_json::{Value, json};

use super::{complain, pretty, print, warn, warn_of};
use crate::cli::{OutputFormat, Run};
use crate::execute::{Begin, Ended, RunOptions, execute, with_device};
use crate::experiment::Environment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::EncodedInputs;
use crate::inputs::{ReadFor, TrialInputs};
use crate::machine::signals::StopSignal;
use crate::numbers::bytes;
use crate::progress::Loudness;
use crate::report::run_json;
use crate::runs::{DiskSpace, StoredRun, free_bytes};
use crate::tokens::TokenCache;
use crate::train::Device;

/// Trains each experiment, after all of them have been checked.
pub fn run(arguments: &Run) -> Outcome<()> {
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
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
        // What only shows when weights and texts are read must not show after hours of training.
        checked.iter().try_for_each(|(inputs, _)| EncodedInputs::new(inputs, &TokenCache::of_user()).map(drop))?;
    }
    let print_all = |finished: &[Value]| if arguments.format.is_json() { print(&pretty(&json!(finished))) } else { Ok(()) };
    let run_one = |inputs: &TrialInputs, device: &Device| {
        let encoded = EncodedInputs::new(inputs, &TokenCache::of_user())?;
        warn_of_space(&encoded, &arguments.runs.root);
        train(&encoded, device, Begin::New(&arguments.runs.root), &arguments.runs.root, loudness, &arguments.format)
    };
    if let [(inputs, device)] = checked.as_slice() {
        return run_one(inputs, device).and_then(|finished| print_all(finished.as_slice()));
    }
    // One experiment that fails does not take the others with it.
    let (mut failed, mut finished) = (Vec::new(), Vec::new());
    for ((inputs, device), file) in checked.iter().zip(&arguments.experiments.files) {
        match run_one(inputs, device) {
            Ok(run) => finished.extend(run),
            // Who asks to stop means all of them.
            Err(failure @ Failure::Interrupted(_)) => return Err(failure),
            Err(failure) => {
                complain(&format!("{}: {}", file.display(), failure.message()));
                failed.push((file.display().to_string(), failure.exit_code()));
            }
        }
    }
    print_all(&finished)?;
    match failed.first() {
        None => Ok(()),
        Some((_, code)) => {
            let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("{} of {} experiments failed: {}", failed.len(), checked.len(), names.join(", "));
            Err(Failure::Several { message, code: *code })
        }
    }
}

/// More than what is free may be needed only if training goes on for long: a warning, and no error.
fn warn_of_space(encoded: &EncodedInputs<'_>, root: &Path) {
    let needed = DiskSpace::of(&encoded.inputs.trial).peak_bytes;
    if let Some(free) = free_bytes(root).filter(|free| *free < needed) {
        let (needed, free, root) = (bytes(needed), bytes(free), root.display());
        warn(&format!(
            "this run may need up to {needed} of disk, and {free} are free for {root}: checkpoints.keep and checkpoints.every change that"
        ));
    }
}

/// Trains, and says what came of it: in text, or to the caller, as JSON.
pub(super) fn train(
    encoded: &EncodedInputs<'_>,
    device: &Device,
    begin: Begin<'_>,
    root: &Path,
    loudness: Loudness,
    format: &OutputFormat,
) -> Outcome<Option<Value>> {
    let stop = StopSignal::on_signals_answered().map_err(Failure::Internal)?;
    let options = RunOptions { loudness, stop, runs: Some(root.to_path_buf()), keeps_state: true };
    let Ended { directory, result, .. } = execute(encoded, device, begin, &options, &mut [])?;
    if let Some(result) = result {
        if format.is_json() {
            return StoredRun::read(directory.root()).map(|run| Some(run_json(&run))).map_err(Failure::RunDirectory);
        }
        print(&result)?;
    }
    Ok(None)
}
