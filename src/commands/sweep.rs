//! `gluepot sweep`.

use anyhow::anyhow;

use super::{pretty, print, warn};
use crate::cli::{OutputFormat, SweepArgs};
use crate::execute::{PlannedSweep, SweepEnd, warn_of};
use crate::experiment::{Environment, Experiment};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::progress::Loudness;
use crate::terminal::Width;

/// Runs the remaining trials of a sweep, or shows what it would run.
pub fn sweep(arguments: &SweepArgs) -> Outcome<()> {
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
    let hub = Hub::from_env(loudness == Loudness::Normal);
    let experiment = Experiment::load(&arguments.file, &arguments.all_overrides(), &Environment::from_env(&arguments.runs.root));
    if experiment.sweep.is_none() && experiment.problems.is_empty() {
        let file = arguments.file.display();
        let message = "defines nothing to sweep; add a table [sweep], or --axis learning_rate=[2e-5,5e-5], or --seeds 1..5";
        return Err(Failure::Usage(anyhow!("{file} {message}")));
    }
    let mut sweep = PlannedSweep::of(arguments, experiment, &hub)?;
    if loudness == Loudness::Normal {
        warn_of(sweep.experiment());
    }
    if arguments.dry_run {
        let preview = sweep.preview()?;
        let is_json = arguments.format.is_json();
        return print(&if is_json { pretty(&preview.json()) } else { preview.text(arguments.jobs, Width::of_stdout()) });
    }
    print_end(sweep.run(loudness)?, &arguments.format)
}

/// Prints the result of a sweep.
pub(super) fn print_end(end: SweepEnd, format: &OutputFormat) -> Outcome<()> {
    for warning in &end.warnings {
        warn(warning);
    }
    if format.is_json() {
        print(&pretty(&end.json()?))?;
    } else if let Some(text) = end.text(Width::of_stdout()) {
        print(&text)?;
    }
    end.outcome
}
