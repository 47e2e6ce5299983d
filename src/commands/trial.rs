//! `gluepot trial`: one trial of a sweep, in its own process. Users call `gluepot sweep` instead.

use crate::cli::TrialArgs;
use crate::execute::run_trial;
use crate::failure::{Failure, Outcome};
use crate::sweep::SweepDirectory;

/// Runs a trial of a sweep.
pub fn trial(arguments: &TrialArgs) -> Outcome<()> {
    let directory = SweepDirectory::open(&arguments.sweep).map_err(Failure::Usage)?;
    run_trial(&directory, &arguments.trial, arguments.device.device)
}
