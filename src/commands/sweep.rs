//! `gluepot sweep`.

use std::path::Path;

use anyhow::anyhow;
use chrono::Utc;

use serde_json::{Value, json};

use super::{complain, pace, pretty, print, sweep_directory, warn, warn_of};
use crate::cli::{OutputFormat, Sweep};
use crate::execute::{Conduct, Conducted, close, conduct, sweep_command};
use crate::experiment::problem::Problems;
use crate::experiment::{Environment, Experiment};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose, Shelf};
use crate::progress::Loudness;
use crate::report::{comparison_text, lookup_text, opened_text, sweep_plan_text};
use crate::settings::{SettingProblem, Settings};
use crate::sweep::{FORMAT, Lookup, OpenOptions, PlannedTrial, SweepFacts, SweepRequest, TrialState, expand};
use crate::terminal::Width;
use crate::train::Device;

/// Runs what is left of a sweep, or shows what it would run.
pub fn sweep(arguments: &Sweep) -> Outcome<()> {
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
    let hub = Hub::from_env(loudness == Loudness::Normal);
    let mut experiment =
        Experiment::load(&arguments.file, &arguments.all_overrides(), &Environment::from_env(&arguments.runs.root));
    if experiment.sweep.is_none() && experiment.problems.is_empty() {
        let file = arguments.file.display();
        let message = "defines nothing to sweep; add a table [sweep], or --axis learning_rate=[2e-5,5e-5], or --seeds 1..5";
        return Err(Failure::Usage(anyhow!("{file} {message}")));
    }
    let mut shelf = Shelf::default();
    let trials = expand(&mut experiment, &hub, &mut shelf)?;
    let settings = settings_of(&trials[0], &arguments.file)?;
    if loudness == Loudness::Normal {
        warn_of(&experiment);
    }
    let facts = facts(&mut experiment, &settings, &arguments.file)?;
    let asked = SweepRequest { root: &arguments.runs.root, facts: &facts, trials: &trials };
    if arguments.dry_run {
        return dry_run(arguments, asked, &settings, &hub, &mut shelf);
    }
    // Where nothing can train, no directory is made.
    Device::choose(settings.device, settings.training.precision).map_err(Failure::Device)?;
    let how = OpenOptions { fresh: arguments.fresh, reuse: arguments.reuse };
    let opened = asked.join(&experiment.copies(), how, &mut complain).map_err(Failure::RunDirectory)?;
    // Who asked for an unfinished sweep and gets another one hears of it, however quiet.
    let is_left = matches!(&opened.before, Lookup::Absent(Some(other)) if !other.counts.is_finished());
    if loudness == Loudness::Normal || is_left {
        complain(&opened_text(&opened, &|path: &Path| sweep_command("resume", path)));
    }
    let how = Conduct {
        directory: &opened.directory,
        metric: (&facts.metric, facts.direction),
        on_failure: facts.on_failure,
        jobs: arguments.jobs,
        retry_failed: arguments.retry_failed,
        device: arguments.overrides.device.device,
        loudness,
    };
    let conducted = conduct(&how, opened.trials, &hub, &mut shelf)?;
    say_end(&how, &conducted, &arguments.format)
}

/// Prints the comparison, the best run and what to do next.
pub(super) fn say_end(how: &Conduct<'_>, conducted: &Conducted, format: &OutputFormat) -> Outcome<()> {
    let closing = close(how.directory, conducted, how.metric)?;
    for warning in &closing.warnings {
        warn(warning);
    }
    if format.is_json() {
        let mut sweep = sweep_directory::json(how.directory)?;
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

fn dry_run(arguments: &Sweep, asked: SweepRequest<'_>, settings: &Settings, hub: &Hub, shelf: &mut Shelf) -> Outcome<()> {
    let device = Device::choose(settings.device, settings.training.precision).map_err(Failure::Device)?;
    let lookup = if arguments.fresh { Lookup::Absent(None) } else { asked.look().map_err(Failure::RunDirectory)? };
    let trial = &asked.trials[0];
    let inputs = Inputs::of(Experiment::planned(&arguments.file, trial.document()), Purpose::Training, hub, shelf)?;
    let pace = pace::find(&arguments.runs.root, &inputs, &device)?;
    let (trials, states) = match &lookup {
        Lookup::Found(known) => {
            let trials = known.extended.trials.as_slice();
            let states = known.directory.states(trials, arguments.retry_failed);
            (trials, states.unwrap_or_default())
        }
        Lookup::Absent(_) => (asked.trials, Vec::new()),
    };
    if arguments.format.is_json() {
        let path = if let Lookup::Found(known) = &lookup { Some(known.directory.path()) } else { None };
        let planned = |(index, trial): (usize, &PlannedTrial)| {
            let state = states.get(index).map(TrialState::name);
            json!({ "id": trial.id, "variant": trial.variant, "choices": trial.choices, "seed": trial.seed, "steps": trial.steps, "state": state })
        };
        let trials: Vec<Value> = trials.iter().enumerate().map(planned).collect();
        return print(&pretty(&json!({ "path": path, "trials": trials, "seconds_per_example": pace.seconds_per_example })));
    }
    let said = lookup_text(&lookup, &|path: &Path| sweep_command("resume", path));
    print(&format!("{}\n{said}", sweep_plan_text(trials, &states, &pace, arguments.jobs, Width::of_stdout())))
}

fn settings_of(trial: &PlannedTrial, file: &Path) -> Outcome<Settings> {
    Experiment::planned(file, trial.document()).sound().cloned().map_err(Failure::Experiment)
}

fn facts(experiment: &mut Experiment, settings: &Settings, file: &Path) -> Outcome<SweepFacts> {
    let sweep = experiment.sweep.clone().unwrap_or_default();
    let task = settings.task.task();
    let metric = sweep.metric.as_ref().unwrap_or(&settings.metric).name().to_string();
    let Some(direction) = task.direction(&metric) else {
        let complaint = SettingProblem::new("sweep.metric", format!("{} has no metric \"{metric}\"", task.name));
        experiment.add_problems(vec![complaint.help(format!("{} is scored by {}", task.name, task.metric_names().join(", ")))]);
        return Err(Failure::Experiment(Problems(experiment.problems.clone())));
    };
    Ok(SweepFacts {
        format_version: FORMAT,
        name: settings.name.clone(),
        file: file.canonicalize().unwrap_or_else(|_| file.to_path_buf()),
        strategy: sweep.strategy.name().into(),
        varies: sweep.paths().into_iter().map(String::from).collect(),
        metric,
        direction,
        factor: sweep.prune.as_ref().map(|prune| prune.factor.get()),
        on_failure: sweep.on_failure,
        created: Utc::now(),
        command_line: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        working_folder: std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        reused: std::collections::BTreeMap::new(),
    })
}
