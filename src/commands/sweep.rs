//! `gluepot sweep`.

use std::path::Path;

use anyhow::anyhow;
use serde_json::json;

use super::{complain, pretty, print, sweep_directory, warn, warn_of};
use crate::cli::{OutputFormat, Sweep};
use crate::execute::{SweepOptions, SweepPreview, close, run_sweep, sweep_command};
use crate::experiment::{Environment, Experiment};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::progress::Loudness;
use crate::report::{comparison_text, opened_text};
use crate::settings::Settings;
use crate::sweep::{Driven, ExperimentTrials, Lookup, OpenOptions, Planner, Planning, SweepRequest};
use crate::terminal::Width;
use crate::train::Device;

/// Runs what is left of a sweep, or shows what it would run.
pub fn sweep(arguments: &Sweep) -> Outcome<()> {
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
    let hub = Hub::from_env(loudness == Loudness::Normal);
    let experiment = Experiment::load(&arguments.file, &arguments.all_overrides(), &Environment::from_env(&arguments.runs.root));
    if experiment.sweep.is_none() && experiment.problems.is_empty() {
        let file = arguments.file.display();
        let message = "defines nothing to sweep; add a table [sweep], or --axis learning_rate=[2e-5,5e-5], or --seeds 1..5";
        return Err(Failure::Usage(anyhow!("{file} {message}")));
    }
    let mut planner = Planner::of(experiment, &hub)?;
    let settings = first_settings(&mut planner, &arguments.file)?;
    if loudness == Loudness::Normal {
        warn_of(planner.maker().experiment());
    }
    let facts = planner.maker().facts(&settings, &arguments.file)?;
    // Where nothing can train, no directory is made.
    let device = Device::choose(settings.device, settings.training.precision).map_err(Failure::Device)?;
    let root = arguments.runs.root.as_path();
    if arguments.dry_run {
        let how = (arguments.fresh, arguments.retry_failed);
        let preview = SweepPreview::of((root, &facts), &mut planner, &device, &hub, how)?;
        let is_json = arguments.format.is_json();
        return print(&if is_json { pretty(&preview.json()) } else { preview.text(arguments.jobs, Width::of_stdout()) });
    }
    let copies = planner.maker().experiment().copies();
    let open_options = OpenOptions { fresh: arguments.fresh, reuse: arguments.reuse };
    let mut request = SweepRequest { root, facts: &facts, planning: &mut planner };
    let opened = request.open(&copies, open_options, &mut complain)?;
    // Who asked for an unfinished sweep and gets another one hears of it, however quiet.
    let is_left = matches!(&opened.before, Lookup::Absent(Some(other)) if !other.counts.is_finished());
    if loudness == Loudness::Normal || is_left {
        complain(&opened_text(&opened, &|path: &Path| sweep_command("resume", path)));
    }
    let options = SweepOptions {
        directory: &opened.directory,
        metric: (&facts.metric, facts.direction),
        on_failure: facts.on_failure,
        jobs: arguments.jobs,
        retry_failed: arguments.retry_failed,
        device: arguments.overrides.device.device,
        loudness,
    };
    let driven = run_sweep(&options, opened.trials, &hub, Some(&mut planner))?;
    print_end(&options, &driven, &arguments.format)
}

/// The settings of the first trial: what names the sweep and its device does not vary.
fn first_settings(planner: &mut Planner<ExperimentTrials<'_>>, file: &Path) -> Outcome<Settings> {
    let trials = planner.requested(&[])?;
    let first = trials.first().ok_or_else(|| Failure::Internal(anyhow!("the sweep has no trial")))?;
    Experiment::planned(file, first.document()).sound().cloned().map_err(Failure::Experiment)
}

/// Prints the comparison, the best run and what to do next.
pub(super) fn print_end(options: &SweepOptions<'_>, driven: &Driven, format: &OutputFormat) -> Outcome<()> {
    let closing = close(options.directory, driven, options.metric)?;
    for warning in &closing.warnings {
        warn(warning);
    }
    if format.is_json() {
        let mut sweep = sweep_directory::json(options.directory)?;
        sweep["comparisons"] = json!(closing.comparisons);
        print(&pretty(&sweep))?;
        return closing.outcome;
    }
    if !closing.comparisons.is_empty() {
        let mut text: Vec<String> =
            closing.comparisons.iter().map(|comparison| comparison_text(comparison, Width::of_stdout())).collect();
        text.push(closing.lines.join("\n"));
        print(&text.join("\n\n"))?;
    }
    closing.outcome
}
