//! `gluepot sweep`.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use chrono::Utc;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use super::{pace, print, warn};
use crate::cli::Sweep;
use crate::compare::{ComparedRun, Options, compare};
use crate::experiment::{Experiment, Surroundings};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose, Shelf};
use crate::pipeline::Pipeline;
use crate::progress::{Loudness, SweepProgress};
use crate::report::{comparison_text, sweep_plan_text, sweep_size_text};
use crate::room::visible_gpus;
use crate::runs::list;
use crate::settings::{Complaint, DeviceChoice, Settings};
use crate::sweep::{
    Changes, Children, Crew, Driven, Found, Jobs, Manner, Pilot, PlannedTrial, State, SweepDirectory, SweepFacts, Workers, drive,
    expand,
};
use crate::terminal::Width;
use crate::train::{CudaSupport, Device};

/// Runs what is left of a sweep, or shows what it would run.
pub fn sweep(arguments: &Sweep) -> Outcome<()> {
    let loudness = if arguments.quiet { Loudness::Quiet } else { Loudness::Normal };
    let hub = Hub::from_env(loudness == Loudness::Normal);
    let mut experiment = Experiment::load(&arguments.file, &arguments.overrides(), &Surroundings::from_env());
    if experiment.sweep.is_none() && experiment.problems.is_empty() {
        let file = arguments.file.display();
        let message = "has nothing that varies; add a table [sweep], or --axis learning_rate=[2e-5,5e-5], or --seeds 1..5";
        return Err(Failure::Usage(anyhow!("{file} {message}")));
    }
    let mut shelf = Shelf::default();
    let trials = expand(&mut experiment, &hub, &mut shelf)?;
    let settings = settings_of(&trials[0], &arguments.file)?;
    let facts = facts(&mut experiment, &settings, &arguments.file)?;
    let device = Device::choose(settings.device, settings.training.precision).map_err(Failure::Device)?;
    if arguments.dry_run {
        let inputs = inputs_of(&trials[0], &arguments.file, &hub, &mut shelf)?;
        let pace = pace::find(&arguments.runs.root, &inputs, &device)?;
        return print(&sweep_plan_text(&trials, &pace, arguments.jobs, Width::of_stdout()));
    }
    let root = &arguments.runs.root;
    let found = SweepDirectory::find_or_create(root, &facts, &trials, &experiment.copies(), arguments.fresh);
    let Found { directory, changes } = found.map_err(Failure::RunDirectory)?;
    if arguments.reuse {
        reuse(&directory, &trials, root).map_err(Failure::RunDirectory)?;
    }
    let gpus = device.is_gpu().then(|| gpus(settings.device));
    let pilot = pilot(arguments.jobs, trials.len(), gpus.as_deref());
    let workers = Workers { most: pilot.most(), gpus };
    let mut crew = Children::new(&directory, &trials, arguments.retry_failed, workers);
    let states = crew.states();
    if loudness == Loudness::Normal {
        eprint(&introduction(&directory, changes.as_ref(), &trials, &states));
    }
    if states.iter().any(|state| !state.is_final()) {
        prepare(&trials, &directory, &arguments.file, &hub, &mut shelf)?;
    }
    let asked = count_signals().map_err(Failure::Internal)?;
    let mut progress = SweepProgress::new(&trials, &states, (&facts.metric, facts.direction), pilot.most(), loudness);
    let on_failure = experiment.sweep.as_ref().map(|sweep| sweep.on_failure).unwrap_or_default();
    let manner = Manner { pilot, on_failure };
    let driven = drive(&trials, &mut crew, &mut progress, manner, &|| asked.load(Ordering::Relaxed));
    drop(progress);
    conclude(&directory, &trials, &driven.map_err(Failure::Internal)?, arguments)
}

fn eprint(text: &str) {
    super::complain(text);
}

fn settings_of(trial: &PlannedTrial, file: &Path) -> Outcome<Settings> {
    Experiment::planned(file, trial.document()).sound().cloned().map_err(Failure::Experiment)
}

fn inputs_of(trial: &PlannedTrial, file: &Path, hub: &Hub, shelf: &mut Shelf) -> Outcome<Inputs> {
    Inputs::of(Experiment::planned(file, trial.document()), Purpose::Training, hub, shelf)
}

fn facts(experiment: &mut Experiment, settings: &Settings, file: &Path) -> Outcome<SweepFacts> {
    let sweep = experiment.sweep.clone().unwrap_or_default();
    let task = settings.task.task();
    let metric = sweep.metric.as_ref().unwrap_or(&settings.metric).name().to_string();
    let Some(direction) = task.direction(&metric) else {
        let complaint = Complaint::new("sweep.metric", format!("{} has no metric \"{metric}\"", task.name));
        experiment.complain(vec![complaint.help(format!("{} is scored by {}", task.name, task.metric_names().join(", ")))]);
        return Err(Failure::Experiment(crate::problem::Problems(experiment.problems.clone())));
    };
    Ok(SweepFacts {
        format_version: 1,
        name: settings.name.clone(),
        file: file.canonicalize().unwrap_or_else(|_| file.to_path_buf()),
        strategy: sweep.strategy.name().into(),
        varies: sweep.paths().into_iter().map(String::from).collect(),
        metric,
        direction,
        factor: sweep.prune.as_ref().map(|prune| prune.factor.get()),
        created: Utc::now(),
        reused: std::collections::BTreeMap::new(),
    })
}

/// Takes finished runs of the same training from elsewhere.
fn reuse(directory: &SweepDirectory, trials: &[PlannedTrial], root: &Path) -> Result<()> {
    let mut facts = directory.facts()?;
    let (runs, _) = list(root)?;
    let states = directory.states(trials, false)?;
    for (trial, _) in trials.iter().zip(states).filter(|(_, state)| !matches!(state, State::Done(_))) {
        if let Some(run) = runs.iter().rev().find(|run| run.facts.trial == trial.id && run.summary.is_some()) {
            let path = run.path.canonicalize().with_context(|| format!("cannot read {}", run.path.display()))?;
            facts.reused.insert(trial.id.clone(), path);
        }
    }
    directory.write_facts(&facts)
}

/// Encodes every split once and reads every checkpoint once, so that what is wrong shows before the first trial.
fn prepare(trials: &[PlannedTrial], directory: &SweepDirectory, file: &Path, hub: &Hub, shelf: &mut Shelf) -> Outcome<()> {
    let mut prepared = Vec::new();
    for trial in trials.iter().filter(|trial| trial.seed == trials[0].seed) {
        let inputs = inputs_of(trial, file, hub, shelf)?;
        let made_of =
            (Arc::as_ptr(&inputs.named), inputs.trial.max_length, inputs.trial.train_examples, inputs.trial.validation_examples);
        if !prepared.contains(&made_of) {
            Pipeline::make(&inputs, &directory.tokens())?;
            prepared.push(made_of);
        }
    }
    Ok(())
}

/// On the CPU as many as there are cores, each with its share of them; on a GPU what fits is few.
fn pilot(jobs: Jobs, trials: usize, gpus: Option<&[String]>) -> Pilot {
    const WINDOW: Duration = Duration::from_secs(10);
    const MOST_ON_A_GPU: usize = 8;
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    match (jobs, gpus) {
        (Jobs::Exactly(jobs), _) => Pilot::exactly(jobs),
        (Jobs::Auto, None) => Pilot::finding(1, cores().min(trials), WINDOW),
        (Jobs::Auto, Some(gpus)) => {
            let gpus = gpus.len().max(1);
            Pilot::finding(gpus, (gpus * MOST_ON_A_GPU).min(trials), WINDOW)
        }
    }
}

/// GPUs for trials in turn, where there are several and the experiment leaves the choice.
fn gpus(choice: DeviceChoice) -> Vec<String> {
    let CudaSupport::Built { devices, .. } = CudaSupport::find() else { return Vec::new() };
    if choice != DeviceChoice::Auto || devices < 2 {
        return Vec::new();
    }
    visible_gpus().unwrap_or_else(|| (0..devices).map(|device| device.to_string()).collect())
}

/// Counts how often somebody asks to stop.
fn count_signals() -> Result<Arc<AtomicUsize>> {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1]).context("cannot listen to signals")?;
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for _ in signals.forever() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok(asked)
}

fn introduction(directory: &SweepDirectory, changes: Option<&Changes>, trials: &[PlannedTrial], states: &[State]) -> String {
    let number = |is: fn(&State) -> bool| states.iter().filter(|state| is(state)).count();
    let mut lines = Vec::new();
    match changes {
        None => lines.push(format!("new sweep {}", directory.path().display())),
        Some(changes) => {
            lines.push(format!("going on with {}", directory.path().display()));
            if !changes.is_none() {
                lines.push(format!(
                    "the plan has changed: {} new, {} kept, {} gone",
                    changes.new.len(),
                    changes.kept,
                    changes.gone.len()
                ));
                let list =
                    |what: &str, labels: &[String]| labels.iter().map(|label| format!("  {what:<5}{label}")).collect::<Vec<_>>();
                lines.extend(list("new", &changes.new));
                lines.extend(list("gone", &changes.gone));
            }
        }
    }
    let mut words = vec![sweep_size_text(trials)];
    let counts = [
        (number(|state| matches!(state, State::Done(_))), "done"),
        (number(|state| matches!(state, State::Failed(_))), "failed (--retry-failed does them again)"),
        (number(|state| matches!(state, State::Pruned(_))), "stopped early"),
        (number(|state| *state == State::Running), "running in another process"),
    ];
    words.extend(counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    lines.push(words.join("; "));
    lines.join("\n")
}

/// The table at the end, and what to do next.
fn conclude(directory: &SweepDirectory, trials: &[PlannedTrial], driven: &Driven, arguments: &Sweep) -> Outcome<()> {
    let facts = directory.facts().map_err(Failure::RunDirectory)?;
    let runs = directory.runs().map_err(Failure::RunDirectory)?;
    let mut readable = Vec::new();
    for run in runs {
        match ComparedRun::new(run) {
            Ok(run) => readable.push(run),
            Err(error) => warn(&format!("{error:#}")),
        }
    }
    let options = Options { metric: Some(facts.metric), ..Options::default() };
    let comparisons = compare(&readable, &options).map_err(|problem| Failure::Usage(anyhow!(problem)))?;
    let program = std::env::args().next().unwrap_or_else(|| "gluepot".into());
    let mut text: Vec<String> = comparisons.iter().map(|comparison| comparison_text(comparison, Width::of_stdout())).collect();
    text.push(format!("next   {program} report {} -o report.html", directory.path().display()));
    if !readable.is_empty() {
        print(&text.join("\n\n"))?;
    }
    let failed: Vec<&PlannedTrial> = trials
        .iter()
        .zip(&driven.states)
        .filter(|(_, state)| matches!(state, State::Failed(_)))
        .map(|(trial, _)| trial)
        .collect();
    let open = driven.states.iter().filter(|state| !state.is_final()).count();
    if driven.interrupted {
        let again = "the same command goes on";
        return Err(Failure::Interrupted(format!("interrupted with {open} of {} trials left to do; {again}", trials.len())));
    }
    if failed.is_empty() {
        return Ok(());
    }
    let first = failed.first().map(|trial| directory.log(&trial.id).display().to_string()).unwrap_or_default();
    let message = format!(
        "{} of {} trials failed{}: see log.txt in their run directories, or {first}; --retry-failed does them again",
        failed.len(),
        trials.len(),
        if arguments.retry_failed { " again" } else { "" },
    );
    Err(Failure::Trials(message))
}
