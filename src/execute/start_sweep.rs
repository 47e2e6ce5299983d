//! Starting a sweep from its experiment: it is found or created, and run.

use std::path::Path;

use anyhow::anyhow;

use super::{SweepEnd, SweepOptions, SweepPreview, close, run_sweep, sweep_command};
use crate::cli::SweepArgs;
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::progress::Loudness;
use crate::report::opened_text;
use crate::settings::Settings;
use crate::sweep::{ExperimentTrials, Lookup, OpenOptions, PlannedTrial, Planner, Planning, SweepFacts, SweepRequest, by_task};
use crate::terminal::complain;
use crate::train::{Device, fastest_precision};

/// A sweep that can be trained here.
pub struct PlannedSweep<'a> {
    arguments: &'a SweepArgs,
    hub: &'a Hub,
    planner: Planner<ExperimentTrials<'a>>,
    facts: SweepFacts,
    device: Device,
}

impl<'a> PlannedSweep<'a> {
    /// Plans the sweep of an experiment.
    ///
    /// # Errors
    /// Every problem of the experiment and of its trials, or no device here can train them; no directory has been created
    /// then.
    pub fn of(arguments: &'a SweepArgs, experiment: Experiment, hub: &'a Hub) -> Outcome<Self> {
        let mut planner = Planner::of(experiment, hub)?;
        let (settings, others) = settings_of_tasks(&mut planner, &arguments.file)?;
        let facts = planner.maker().facts(&settings, &others, &arguments.file)?;
        let device = Device::choose(settings.device, settings.training.precision.resolved(fastest_precision(settings.device)))
            .map_err(Failure::Device)?;
        Ok(Self { arguments, hub, planner, facts, device })
    }

    pub fn experiment(&mut self) -> &Experiment {
        self.planner.maker().experiment()
    }

    /// Returns what it would train.
    pub fn preview(&mut self) -> Outcome<SweepPreview> {
        let how = (self.arguments.fresh, self.arguments.retry_failed);
        SweepPreview::of((&self.arguments.runs.root, &self.facts), &mut self.planner, &self.device, self.hub, how)
    }

    /// Finds or creates the sweep, and trains its remaining trials.
    pub fn run(self, loudness: Loudness) -> Outcome<SweepEnd> {
        let Self { arguments, hub, mut planner, facts, .. } = self;
        let copies = planner.maker().experiment().copies();
        let open_options = OpenOptions { fresh: arguments.fresh, reuse: arguments.reuse };
        let mut request = SweepRequest { root: &arguments.runs.root, facts: &facts, planning: &mut planner };
        let opened = request.open(&copies, open_options, &mut complain)?;
        // If an unfinished sweep is similar but a new one was started, the user is told even with `--quiet`.
        let is_left = matches!(&opened.before, Lookup::Absent(Some(other)) if !other.counts.is_finished());
        if loudness == Loudness::Normal || is_left {
            complain(&opened_text(&opened, &|path: &Path| sweep_command("resume", path)));
        }
        let options = SweepOptions {
            directory: &opened.directory,
            ranked_by: facts.ranked_by.as_ref(),
            on_failure: facts.on_failure,
            jobs: arguments.jobs,
            retry_failed: arguments.retry_failed,
            device: arguments.overrides.device.device,
            loudness,
        };
        let driven = run_sweep(&options, opened.trials, hub, Some(&mut planner))?;
        close(options.directory, &driven, options.ranked_by)
    }
}

/// Returns the settings of the first trial, and of the first one of each other task. The name of the sweep and the device do not
/// vary.
fn settings_of_tasks(planner: &mut Planner<ExperimentTrials<'_>>, file: &Path) -> Outcome<(Settings, Vec<Settings>)> {
    let trials = planner.requested(&[])?;
    let settings =
        |trial: &PlannedTrial| Experiment::planned(file, trial.document()).sound().cloned().map_err(Failure::Experiment);
    let tasks = by_task(&trials, None);
    let mut firsts = tasks.iter().filter_map(|of_task| trials.get(*of_task.trials.first()?)).map(settings);
    let first = firsts.next().ok_or_else(|| Failure::Internal(anyhow!("the sweep has no trial")))??;
    Ok((first, firsts.collect::<Outcome<_>>()?))
}
