//! Resuming a run from its directory: with the same files, the same settings, and an intact state.

use std::path::Path;

use anyhow::anyhow;

use super::refusals::{no_state, refuse_changes, refuse_ended, refuse_other_facts, refuse_other_inputs, refuse_trial, unchanged};
use super::{Begin, Ended, Resumed, Sources, changes, sources, train_in_terminal, warn_of, with_device};
use crate::cli::ResumeArgs;
use crate::experiment::{Experiment, Override};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{EncodedInputs, InputCache, ReadFor, TrialInputs};
use crate::numbers::{count, scientific};
use crate::plan::{Hashes, SettingRow, Steps, Trial, extended};
use crate::progress::Loudness;
use crate::runs::{RunDirectory, StoredRun, files, states};
use crate::settings::properties;
use crate::terminal::complain;
use crate::tokens::TokenCache;
use crate::train::{Kernels, learning_rate};

/// Resumes a run where it stopped.
///
/// # Errors
/// Whatever keeps the run from continuing exactly as it would have without the interruption.
pub fn resume_run(run: &StoredRun, arguments: &ResumeArgs) -> Outcome<Ended> {
    let root = &arguments.runs.root;
    refuse_trial(run, arguments)?;
    let directory = RunDirectory::at(run.path.clone());
    let claim = directory.claim().map_err(Failure::RunDirectory)?;
    let process = run.facts.host.process;
    let is_running = || Failure::Usage(anyhow!("the run {} is still running, as process {process}", run.facts.id));
    let claim = claim.ok_or_else(is_running)?;
    // Another process may have changed it until the claim was taken.
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
    let settings = merged(&recorded, inputs.setting_rows(), &given, &sources, directory.root());
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
    train_in_terminal(&encoded, &device, Begin::Resumed(Box::new(resumed)), root, loudness)
}

/// Returns every override from the command line.
fn given(arguments: &ResumeArgs) -> Vec<Override> {
    let epochs = arguments.epochs.map(|epochs| Override { path: "epochs".into(), value: epochs.to_string(), option: "--epochs" });
    arguments.overrides.all().into_iter().chain(epochs).collect()
}

/// Reads the inputs as they were and as they will be, both with folders where they are now.
fn read(
    directory: &RunDirectory,
    arguments: &ResumeArgs,
    given: &[Override],
    sources: &Sources,
) -> Outcome<(TrialInputs, TrialInputs)> {
    let path = directory.path(files::RESOLVED);
    let (hub, mut cache) = (Hub::from_env(!arguments.quiet.quiet), InputCache::default());
    let mut of = |overrides: &[Override]| {
        // The environment was applied when the run began.
        let experiment = Experiment::recorded(&path, overrides, &arguments.runs.root);
        TrialInputs::of(experiment, ReadFor::Training, &hub, &mut cache)
    };
    let moved = given.iter().filter(|given| properties().is_path(&given.path)).chain(&sources.overrides).cloned();
    let moved: Vec<Override> = moved.collect();
    let all: Vec<Override> = given.iter().chain(&sources.overrides).cloned().collect();
    Ok((of(&moved)?, of(&all)?))
}

/// Returns the settings for `resolved.toml`: values that nobody changed keep their origins, and folders that are the same
/// keep their names.
fn merged(recorded: &[SettingRow], now: Vec<SettingRow>, given: &[Override], sources: &Sources, root: &Path) -> Vec<SettingRow> {
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

/// A training run that continues for longer than it was planned for.
struct Longer {
    /// Whether the result is the same as if the run had been planned for all the steps from the start.
    same: bool,
    /// How more epochs change the schedule, in sentences.
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
    // The end of the shorter training is evaluated; the longer one may have no evaluation there.
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
