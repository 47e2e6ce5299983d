//! Resuming a sweep from its directory alone: the planned trials are trained.

use anyhow::anyhow;

use super::{SweepEnd, SweepOptions, close, run_sweep};
use crate::cli::ResumeArgs;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::progress::{Loudness, say};
use crate::report::{other_numerics, plan_damages};
use crate::sweep::{Jobs, SweepDirectory};
use crate::terminal::complain;

/// Runs the remaining trials of a sweep's plan.
///
/// # Errors
/// Options that only apply to runs, a plan that cannot be read, or trials that cannot run.
pub fn resume_sweep(directory: &SweepDirectory, arguments: &ResumeArgs) -> Outcome<SweepEnd> {
    if arguments.epochs.is_some() || !arguments.overrides.set.is_empty() {
        let message = "a sweep's plan is frozen: other settings are another sweep, which `gluepot sweep` starts";
        return Err(Failure::Usage(anyhow!("{message} (only --device, --jobs and --retry-failed apply to a sweep)")));
    }
    let read = || Ok((directory.facts()?, directory.plan()?, directory.trials()?));
    let (facts, plan, trials) = read().map_err(Failure::RunDirectory)?;
    for damage in plan_damages(directory, &facts, &plan) {
        complain(&format!("warning: {damage}"));
    }
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
    say(loudness, &format!("continuing {}", directory.path().display()));
    if let Some(remark) = other_numerics(&trials) {
        say(loudness, &remark);
    }
    let options = SweepOptions {
        directory,
        ranked_by: facts.ranked_by.as_ref(),
        on_failure: facts.on_failure,
        jobs: arguments.jobs.unwrap_or(Jobs::ONE),
        retry_failed: arguments.retry_failed,
        device: arguments.overrides.device.device,
        loudness,
    };
    let hub = Hub::from_env(loudness == Loudness::Normal);
    let driven = run_sweep(&options, trials, &hub, None)?;
    close(directory, &driven, options.ranked_by)
}
