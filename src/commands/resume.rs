//! `gluepot resume`.

use anyhow::anyhow;

use super::run::train;
use super::{complain, find_failure, pretty, print, sweep_directory};
use crate::cli::{Kernels as Choice, Resume, overrides};
use crate::execute::{Begin, Change, Resumed, changes, command, sweep_command, with_device};
use crate::experiment::{Experiment, Override, Surroundings};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose, Shelf};
use crate::pipeline::Pipeline;
use crate::plan::{Steps, Trial};
use crate::progress::Loudness;
use crate::report::{count, scientific};
use crate::runs::states::{self, Damaged};
use crate::runs::{RunDirectory, RunFacts, RunLock, Status, StoredRun, extended, files, setting_rows};
use crate::settings::WITHOUT_EFFECT;
use crate::sweep::{Meant, is_sweep, meant};
use crate::tokens::TokenCache;
use crate::train::{Kernels, learning_rate};

/// Goes on with a run where it was.
pub fn resume(arguments: &Resume) -> Outcome<()> {
    let root = &arguments.runs.root;
    let run = match meant(root, &arguments.run).map_err(find_failure)? {
        Meant::Sweep(sweep) => return sweep_directory::resume(&sweep, arguments),
        Meant::Run(run) => *run,
    };
    refuse(&run, arguments)?;
    let directory = RunDirectory::at(run.path.clone());
    let lock = RunLock::take(&directory).map_err(Failure::RunDirectory)?;
    let process = run.facts.host.process;
    let is_running = || Failure::Usage(anyhow!("the run {} is still running, as process {process}", run.facts.id));
    let lock = lock.ok_or_else(is_running)?;
    let (before, inputs) = read(&directory, arguments)?;
    let (inputs, device) = with_device(inputs)?;
    let device = if run.facts.kernels == Kernels::Reference { Choice::Reference.on(device) } else { device };
    let changed = changes(&setting_rows(&before), &setting_rows(&inputs));
    refuse_changes(&changed, arguments.epochs.is_some())?;
    let pipeline = Pipeline::make(&inputs, &TokenCache::of_user())?;
    refuse_other_inputs(&run.facts, &pipeline)?;
    let (state, damaged) = states::newest(&directory, &pipeline.table);
    let state = state.ok_or_else(|| Failure::Usage(nothing_to_go_on_from(&run.facts, &damaged)))?;
    let step = state.training.counters.steps;
    let loudness = if arguments.quiet { Loudness::Quiet } else { Loudness::Normal };
    let identity = if arguments.epochs.is_some() {
        let longer = longer(&before.trial, &inputs.trial, step)?;
        for line in longer.said.iter().filter(|_| !arguments.quiet) {
            complain(line);
        }
        if longer.same { pipeline.identity.clone() } else { extended(&pipeline.identity, &run.facts.trial, step) }
    } else {
        run.facts.trial.clone()
    };
    let after = run.status().to_string();
    let resumed = Resumed { directory, lock, facts: run.facts, after, state, damaged, changed, identity };
    let finished = train(&pipeline, &device, Begin::Again(Box::new(resumed)), root, loudness, &arguments.format)?;
    finished.map_or(Ok(()), |run| print(&pretty(&run)))
}

/// Runs that there is nothing to do about.
fn refuse(run: &StoredRun, arguments: &Resume) -> Outcome<()> {
    let id = &run.facts.id;
    let refused = |message: String| Err(Failure::Usage(anyhow!(message)));
    if let Some(sweep) = run.path.parent().filter(|parent| is_sweep(parent)) {
        let again = sweep_command("resume", sweep);
        return refused(format!("the run {id} is a trial of the sweep {}; continue with: {again}", sweep.display()));
    }
    if arguments.jobs.is_some() || arguments.retry_failed {
        return refused(format!("--jobs and --retry-failed apply to sweeps, and {id} is a run"));
    }
    let is_finished = run.facts.status == Status::Finished && run.summary.is_some();
    if is_finished && arguments.epochs.is_none() {
        let again = command("resume", &arguments.runs.root, id);
        return refused(format!("the run {id} is finished; `{again} --epochs N` trains it for longer"));
    }
    Ok(())
}

/// The inputs as they were, and as they are to be.
fn read(directory: &RunDirectory, arguments: &Resume) -> Outcome<(Inputs, Inputs)> {
    let path = directory.path(files::RESOLVED);
    let (hub, mut shelf) = (Hub::from_env(!arguments.quiet), Shelf::default());
    let mut of = |overrides: &[Override]| {
        // The environment had its say when the run began.
        let surroundings = Surroundings { variables: Vec::new(), runs: arguments.runs.root.clone() };
        let experiment = Experiment::load(&path, overrides, &surroundings);
        Inputs::of(experiment, Purpose::Training, &hub, &mut shelf)
    };
    let mut all = overrides(&arguments.set, arguments.device);
    let epochs = arguments.epochs.map(|epochs| Override { path: "epochs".into(), value: epochs.to_string(), option: "--epochs" });
    all.extend(epochs);
    Ok((of(&[])?, of(&all)?))
}

/// What decides the outcome stays as it was.
fn refuse_changes(changed: &[Change], longer: bool) -> Outcome<()> {
    let is_free = |path: &str| WITHOUT_EFFECT.contains(&path) || (longer && path == "epochs");
    let deciding: Vec<String> =
        changed.iter().filter(|change| !is_free(&change.path)).map(|change| format!("\n  {change}")).collect();
    if deciding.is_empty() {
        return Ok(());
    }
    let free = WITHOUT_EFFECT.join(", ");
    Err(Failure::Usage(anyhow!(
        "a run goes on as it was; these settings decide its outcome:{}\nonly {free} can change, and --epochs; `gluepot run` with the changes is a run of its own",
        deciding.concat()
    )))
}

/// The same data, tokenizer and weights as before.
fn refuse_other_inputs(facts: &RunFacts, pipeline: &Pipeline<'_>) -> Outcome<()> {
    let differences = facts.hashes.differences(&pipeline.hashes);
    if differences.is_empty() {
        return Ok(());
    }
    let id = &facts.id;
    Err(Failure::Data(anyhow!("the run {id} learnt from other files; since then these changed: {}", differences.join(", "))))
}

fn nothing_to_go_on_from(facts: &RunFacts, damaged: &[Damaged]) -> anyhow::Error {
    let id = &facts.id;
    if damaged.is_empty() {
        return anyhow!("the run {id} has nothing to go on from: it ended before its first state was saved (checkpoints.every)");
    }
    let reasons: Vec<String> =
        damaged.iter().map(|damaged| format!("\n  {}: {}", damaged.path.display(), damaged.reason)).collect();
    anyhow!("the run {id} has nothing sound to go on from:{}", reasons.concat())
}

/// A training that goes on for longer than it was planned for.
struct Longer {
    /// Whether it is the training that a run planned for all the steps would be.
    same: bool,
    /// What more epochs do to the schedule.
    said: Vec<String>,
}

fn longer(before: &Trial, now: &Trial, step: u64) -> Outcome<Longer> {
    let (from, to) = (before.steps.total, now.steps.total);
    if to <= step {
        let message = format!("it has taken {} steps already, and --epochs would end it after {}", count(step), count(to));
        return Err(Failure::Usage(anyhow!(message)));
    }
    let settings = &now.settings;
    let rate = |steps: Steps, at: u64| learning_rate(settings.learning_rate, settings.schedule.kind, steps, at);
    let same_rates = (0..step).all(|at| rate(before.steps, at) == rate(now.steps, at));
    // The end of the shorter training is scored; the longer one's may not be there.
    let same = same_rates && (step < from || now.evaluates_after(from));
    let mut said = vec![format!("{} steps become {}", count(from), count(to))];
    if same {
        said.push("the schedule is the same up to here: this is the training that a run planned for all of them would be".into());
    } else {
        said.push(format!(
            "the learning rate was {} at step {} and goes on at {}, by the schedule over {} steps",
            scientific(rate(before.steps, step.saturating_sub(1))),
            count(step),
            scientific(rate(now.steps, step)),
            count(to)
        ));
        let other = "a run planned for all of them would not be the same up to here: it is another training, and comparisons keep them apart";
        said.push(other.into());
    }
    Ok(Longer { same, said })
}
