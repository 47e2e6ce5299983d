//! One execution of a trial: training it and recording it in its own directory. One execution of a sweep: many of those.

mod device;
mod facts;
mod header;
mod open_run;
mod prune;
mod refusals;
mod result;
mod resume;
mod resume_run;
mod resume_sweep;
mod run_experiments;
mod run_sweep;
mod sources;
mod start_sweep;
mod sweep_end;
mod sweep_preview;
mod training;
mod trial;
mod workers;

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
use crate::inputs::EncodedInputs;
use crate::machine::signals::StopSignal;
use crate::progress::Loudness;
use crate::runs::{RunDirectory, Summary};
use crate::train::{Device, Observer};

use open_run::OpenRun;

pub use device::with_device;
pub use facts::command;
pub use prune::{Prunable, prune_runs};
pub use resume::{Change, Resumed, changes};
pub use resume_run::resume_run;
pub use resume_sweep::resume_sweep;
pub use run_experiments::{run_experiments, train_in_terminal, warn_of};
pub use run_sweep::{SweepOptions, run_sweep};
pub use sources::{Sources, sources};
pub use start_sweep::PlannedSweep;
pub use sweep_end::{SweepEnd, close, sweep_command};
pub use sweep_preview::SweepPreview;
pub use trial::run_trial;

/// A run that ended without a failure.
pub struct Ended {
    pub directory: RunDirectory,
    pub id: String,
    /// How it ended.
    pub end: End,
    /// Text to print at the end of a finished run: its scores, and where it is.
    pub result: Option<String>,
}

/// How a run ended.
pub enum End {
    /// All steps were taken.
    Finished(Box<Summary>),
    /// Its sweep stopped it early.
    Pruned {
        /// Steps taken.
        step: u64,
        /// Why: the scores that it fell behind.
        reason: String,
    },
}

/// Where a run starts.
pub enum Begin<'a> {
    /// In a new directory below this one.
    New(&'a Path),
    Resumed(Box<Resumed>),
}

/// Options of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How much is printed.
    pub loudness: Loudness,
    /// Signals whether a stop was requested.
    pub stop: StopSignal,
    /// The folder for runs, which printed commands about the run refer to; `None` for a trial, which its sweep resumes.
    pub runs: Option<PathBuf>,
    /// Whether a finished run keeps its last state, so that it can be trained for longer.
    pub keeps_state: bool,
}

/// Trains on encoded inputs, and records the run. `observers` are notified after the run's own.
///
/// # Errors
/// Training failed, or was interrupted; the directory records that and is kept.
pub fn execute(
    encoded: &EncodedInputs<'_>,
    device: &Device,
    begin: Begin<'_>,
    options: &RunOptions,
    observers: &mut [&mut dyn Observer],
) -> Outcome<Ended> {
    let run = match begin {
        Begin::New(root) => OpenRun::create(encoded, device, root, options),
        Begin::Resumed(resumed) => resumed.open(encoded, device, options),
    };
    let mut run = run.map_err(Failure::RunDirectory)?;
    let outcome = training::train_in(&mut run, encoded, device, observers);
    // A process that has lost its run to another one writes nothing more into it.
    run.claim.watch().check_now().map_err(Failure::TakenOver)?;
    match outcome.and_then(|end| run.record_end(end, &encoded.inputs.trial.task, options)) {
        Ok((end, result)) => {
            // Only now, so that a process killed before the record is complete leaves a state to resume from.
            let keeps_state = options.keeps_state && matches!(end, End::Finished(_));
            let _ = run.recorder.tidy(keeps_state);
            Ok(Ended { directory: run.directory, id: run.facts.id, end, result })
        }
        Err(failure) => {
            run.record_failure(&failure, options);
            Err(failure)
        }
    }
}
