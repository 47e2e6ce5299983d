//! `gluepot resume`.

use std::path::Path;

use anyhow::anyhow;

use super::run::train;
use super::sweep::print_end;
use super::{complain, pretty, print, warn_of};
use crate::cli::Resume;
use crate::execute::{Begin, Change, Resumed, Sources, changes, command, resume_sweep, sources, sweep_command, with_device};
use crate::experiment::{Experiment, Override};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::EncodedInputs;
use crate::inputs::{InputCache, ReadFor, TrialInputs};
use crate::numbers::{count, scientific};
use crate::plan::{Hashes, SettingRow, extended};
use crate::plan::{Steps, Trial};
use crate::progress::Loudness;
use crate::runs::states::{self, Damaged};
use crate::runs::{RunDirectory, RunFacts, Status, StoredRun, changed_files, files, is_of, manifest_fault, recorded_rows};
use crate::settings::properties;
use crate::sweep::{RunOrSweep, is_sweep, resolve};
use crate::tokens::TokenCache;
use crate::train::{Kernels, learning_rate};

/// Resumes a run where it stopped.
pub fn resume(arguments: &Resume) -> Outcome<()> {
    let root = &arguments.runs.root;
    let run = match resolve(root, &arguments.run)? {
        RunOrSweep::Sweep(sweep) => return print_end(resume_sweep(&sweep, arguments)?, &arguments.format),
        RunOrSweep::Run(run) => *run,
    };
    refuse_trial(&run, arguments)?;
    let directory = RunDirectory::at(run.path.clone());
    let claim = directory.claim().map_err(Failure::RunDirectory)?;
    let process = run.facts.host.process;
    let is_running = || Failure::Usage(anyhow!("the run {} is still running, as process {process}", run.facts.id));
    let claim = claim.ok_or_else(is_running)?;
    // Another process may have changed it until now.
    let run = StoredRun::read(&run.path).map_err(Failure::RunDirectory)?;
    refuse_ended(&run, arguments)?;
    let recorded = unchanged(&run, &directory)?;
    let given = given(arguments);
    let sources = sources(&directory, &run.facts, &recorded, &given)?;
    let (before, inputs) = read(&directory, arguments, &given, &sources)?;
    refuse_other_facts(&run.facts, &before)?;
    if !arguments.quiet.quiet {
        warn_of(&inputs.experiment);
    }
    let (inputs, device) = with_device(inputs)?;
    let device = if run.facts.kernels == Kernels::Reference { device.with_reference_kernels() } else { device };
    let settings = told(&recorded, inputs.setting_rows(), &given, &sources, directory.root());
    let changed = changes(&recorded, &settings);
    refuse_changes(&changed, arguments.epochs.is_some())?;
    let mut encoded = EncodedInputs::new(&inputs, &TokenCache::of_user())?;
    if sources.own_checkpoint {
        let Hashes { data, tokenizer, .. } = encoded.provenance.hashes;
        encoded.provenance.hashes = Hashes { data, tokenizer, ..run.facts.hashes.clone() };
    }
    encoded = encoded.under(run.facts.identity_numerics());
    refuse_other_inputs(&run.facts, &encoded)?;
    let (state, damaged) = states::newest(&directory, &inputs.trial.parameters);
    let state = state.ok_or_else(|| Failure::Usage(no_state(&run.facts, &damaged)))?;
    let step = state.training.counters.steps;
    let loudness = if arguments.quiet.quiet { Loudness::Quiet } else { Loudness::Normal };
    let identity = if arguments.epochs.is_some() {
        let longer = longer(&before.trial, &inputs.trial, step)?;
        for line in longer.said.iter().filter(|_| !arguments.quiet.quiet) {
            complain(line);
        }
        if longer.same {
            encoded.provenance.identity.clone()
        } else {
            extended(&encoded.provenance.identity, &run.facts.trial, step)
        }
    } else {
        run.facts.trial.clone()
    };
    let after = run.status_under_lock().to_string();
    let settings = (!changed.is_empty()).then_some(settings);
    let resumed = Resumed { directory, claim, facts: run.facts, after, state, damaged, changed, settings, identity };
    let finished = train(&encoded, &device, Begin::Resumed(Box::new(resumed)), root, loudness, &arguments.format)?;
    finished.map_or(Ok(()), |run| print(&pretty(&run)))
}

/// Trials, which their sweep resumes, and options that are a sweep's.
fn refuse_trial(run: &StoredRun, arguments: &Resume) -> Outcome<()> {
    let id = &run.facts.id;
    let refused = |message: String| Err(Failure::Usage(anyhow!(message)));
    if let Some(sweep) = run.path.parent().filter(|parent| is_sweep(parent)) {
        let again = sweep_command("resume", sweep);
        return refused(format!("the run {id} is a trial of the sweep {}; continue with: {again}", sweep.display()));
    }
    if arguments.jobs.is_some() || arguments.retry_failed {
        return refused(format!("--jobs and --retry-failed apply to sweeps, and {id} is a run"));
    }
    Ok(())
}

/// Runs that there is nothing to do about.
fn refuse_ended(run: &StoredRun, arguments: &Resume) -> Outcome<()> {
    let is_finished = run.facts.status == Status::Finished && run.summary.is_some();
    let has_states = !states::all(&RunDirectory::at(run.path.clone())).is_empty();
    if !has_states {
        return Err(Failure::Usage(no_state(&run.facts, &[])));
    }
    if is_finished && arguments.epochs.is_none() {
        let again = command("resume", &arguments.runs.root, &run.facts.id);
        return Err(Failure::Usage(anyhow!("the run {} is finished; to train it for longer: {again} --epochs N", run.facts.id)));
    }
    Ok(())
}

/// The run's settings, if neither they nor anything else that decides how it goes on was changed since it wrote them.
fn unchanged(run: &StoredRun, directory: &RunDirectory) -> Outcome<Vec<SettingRow>> {
    let id = &run.facts.id;
    if let Some(fault) = manifest_fault(directory, &run.facts) {
        complain(&format!("warning: {}/{} {fault}: changed files may go unnoticed", run.path.display(), files::MANIFEST));
    }
    let refused = |changed: &str| {
        let resolved = directory.path(files::RESOLVED);
        Failure::Usage(anyhow!(
            "the run {id} cannot be resumed, because its directory was changed:{changed}\nrestore it; to change settings, \
             use --set here or start a new run: gluepot run {}",
            resolved.display()
        ))
    };
    let changed = changed_files(directory);
    if !changed.is_empty() {
        let lines: Vec<String> = changed.iter().map(|(name, fault)| format!("\n  {name} {fault}")).collect();
        return Err(refused(&lines.concat()));
    }
    let recorded = recorded_rows(directory).map_err(Failure::RunDirectory)?;
    if !is_of(&run.facts, &recorded, &[]) {
        let line = format!("\n  {} and {} do not belong to the training {}", files::RESOLVED, files::RUN, run.facts.trial);
        return Err(refused(&line));
    }
    Ok(recorded)
}

/// Everything that the command line changes.
fn given(arguments: &Resume) -> Vec<Override> {
    let epochs = arguments.epochs.map(|epochs| Override { path: "epochs".into(), value: epochs.to_string(), option: "--epochs" });
    arguments.overrides.all().into_iter().chain(epochs).collect()
}

/// The inputs as they were, and as they are to be; folders where they are now in both.
fn read(
    directory: &RunDirectory,
    arguments: &Resume,
    given: &[Override],
    sources: &Sources,
) -> Outcome<(TrialInputs, TrialInputs)> {
    let path = directory.path(files::RESOLVED);
    let (hub, mut cache) = (Hub::from_env(!arguments.quiet.quiet), InputCache::default());
    let mut of = |overrides: &[Override]| {
        // The environment had its say when the run began.
        let experiment = Experiment::recorded(&path, overrides, &arguments.runs.root);
        TrialInputs::of(experiment, ReadFor::Training, &hub, &mut cache)
    };
    let moved = given.iter().filter(|given| properties().is_path(&given.path)).chain(&sources.overrides).cloned();
    let moved: Vec<Override> = moved.collect();
    let all: Vec<Override> = given.iter().chain(&sources.overrides).cloned().collect();
    Ok((of(&moved)?, of(&all)?))
}

/// The settings as `resolved.toml` is to say them: origins stay where nobody changed a value, and so do the names of
/// folders that are the same.
fn told(recorded: &[SettingRow], now: Vec<SettingRow>, given: &[Override], sources: &Sources, root: &Path) -> Vec<SettingRow> {
    let one = |row: SettingRow| {
        let path = row.path();
        let Some(before) = recorded.iter().find(|before| before.path() == path) else { return row };
        let folder = |row: &SettingRow| root.join(row.value.as_ref()?.as_str()?).canonicalize().ok();
        let is_own = sources.own_checkpoint && path == "checkpoint";
        let is_same = properties().is_path(&path) && (is_own || folder(before).is_some_and(|place| Some(place) == folder(&row)));
        let is_given = given.iter().any(|given| given.path == path);
        SettingRow {
            value: if is_same { before.value.clone() } else { row.value },
            origin: if is_given && !is_same { row.origin } else { before.origin.clone() },
            ..row
        }
    };
    now.into_iter().map(one).collect()
}

/// What decides the outcome stays as it was; paths do not, what is there does.
fn refuse_changes(changed: &[Change], longer: bool) -> Outcome<()> {
    let is_free = |path: &str| !properties().decides(path) || (longer && path == "epochs");
    let deciding: Vec<String> =
        changed.iter().filter(|change| !is_free(&change.path)).map(|change| format!("\n  {change}")).collect();
    if deciding.is_empty() {
        return Ok(());
    }
    let free = properties().without_effect().collect::<Vec<_>>().join(", ");
    Err(Failure::Usage(anyhow!(
        "a run is resumed with its own settings; these affect its outcome:{}\nonly {free} can change, the places of the same \
         files ({}), and --epochs; `gluepot run` with the changes starts a new run",
        deciding.concat(),
        properties().naming_files().collect::<Vec<_>>().join(", ")
    )))
}

/// What `run.json` says of the run is what follows from its settings and files.
fn refuse_other_facts(facts: &RunFacts, before: &TrialInputs) -> Outcome<()> {
    let trial = &before.trial;
    let numbers = [
        ("seed", facts.seed, trial.settings.seed),
        ("steps", facts.steps, trial.steps.total),
        ("train_examples", facts.train_examples as u64, trial.train_examples as u64),
        ("validation_examples", facts.validation_examples as u64, trial.validation_examples as u64),
    ];
    let wrong: Vec<String> = numbers
        .into_iter()
        .filter(|(_, told, found)| told != found)
        .map(|(name, told, found)| format!("\n  {name}: {} says {told}, settings and data say {found}", files::RUN))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(anyhow!("the run {} cannot be resumed:{}", facts.id, wrong.concat())))
}

/// The same data, tokenizer and weights as before.
fn refuse_other_inputs(facts: &RunFacts, encoded: &EncodedInputs<'_>) -> Outcome<()> {
    let differences = facts.hashes.differences(&encoded.provenance.hashes);
    let id = &facts.id;
    if differences.is_empty() {
        let (before, now) = (facts.tokenization.unwrap_or(1), encoded.provenance.tokenization);
        let message = || {
            anyhow!(
                "the run {id} began with tokenization {before}, and this version of gluepot makes other token ids of the same \
                 texts (tokenization {now}); `gluepot run` trains anew"
            )
        };
        return if before == now { Ok(()) } else { Err(Failure::Usage(message())) };
    }
    Err(Failure::Data(anyhow!("the run {id} was trained on other files; these have changed since: {}", differences.join(", "))))
}

fn no_state(facts: &RunFacts, damaged: &[Damaged]) -> anyhow::Error {
    let id = &facts.id;
    if !damaged.is_empty() {
        let reasons: Vec<String> =
            damaged.iter().map(|damaged| format!("\n  {}: {}", damaged.path.display(), damaged.reason)).collect();
        return anyhow!("the run {id} has no intact state to resume from:{}", reasons.concat());
    }
    let mut removals = facts.removed.iter().rev();
    match removals.find(|removal| removal.what.iter().any(|what| Path::new(what).starts_with(files::STATES))) {
        Some(removal) => anyhow!(
            "the run {id} has no state to resume from: `gluepot prune` removed its states at {} UTC",
            removal.at.format("%Y-%m-%d %H:%M")
        ),
        None if facts.status == Status::Finished => anyhow!("the run {id} is finished, and has no state to resume from"),
        None => anyhow!(
            "the run {id} has no state to resume from: it ended before its first state was saved (checkpoints.every), or its \
             states were removed"
        ),
    }
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
            "the learning rate was {} at step {} and continues at {}, by the schedule over {} steps",
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
