//! Reasons why a run cannot be resumed.

use std::path::Path;

use anyhow::anyhow;

use super::{Change, command, sweep_command};
use crate::cli::ResumeArgs;
use crate::failure::{Failure, Outcome};
use crate::inputs::{EncodedInputs, TrialInputs};
use crate::plan::SettingRow;
use crate::runs::states::{self, Damaged};
use crate::runs::{RunDirectory, RunFacts, Status, StoredRun, changed_files, files, is_of, manifest_fault, recorded_rows};
use crate::settings::properties;
use crate::sweep::is_sweep;
use crate::terminal::complain;

/// Refuses trials, which their sweep resumes, and options that only apply to sweeps.
pub(super) fn refuse_trial(run: &StoredRun, arguments: &ResumeArgs) -> Outcome<()> {
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

/// Refuses runs without a saved state, and finished ones without `--epochs`.
pub(super) fn refuse_ended(run: &StoredRun, arguments: &ResumeArgs) -> Outcome<()> {
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

/// Returns the run's settings, if neither they nor anything else that affects how training continues was changed since the
/// run wrote them.
pub(super) fn unchanged(run: &StoredRun, directory: &RunDirectory) -> Outcome<Vec<SettingRow>> {
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

/// Refuses changes to what decides the outcome. Paths may change, since only the content that they lead to matters.
pub(super) fn refuse_changes(changed: &[Change], longer: bool) -> Outcome<()> {
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

/// Refuses a run whose `run.json` contradicts what follows from its settings and files.
pub(super) fn refuse_other_facts(facts: &RunFacts, before: &TrialInputs) -> Outcome<()> {
    let trial = &before.trial;
    let numbers = [
        ("seed", facts.seed, trial.settings.seed),
        ("steps", facts.steps, trial.steps.total),
        ("train_examples", facts.train_examples as u64, trial.train_examples as u64),
        ("validation_examples", facts.validation_examples as u64, trial.validation_examples as u64),
    ];
    let wrong: Vec<String> = numbers
        .into_iter()
        .filter(|(_, recorded, found)| recorded != found)
        .map(|(name, recorded, found)| format!("\n  {name}: {} says {recorded}, settings and data say {found}", files::RUN))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(anyhow!("the run {} cannot be resumed:{}", facts.id, wrong.concat())))
}

/// Refuses data, a tokenizer or weights that differ from those before.
pub(super) fn refuse_other_inputs(facts: &RunFacts, encoded: &EncodedInputs<'_>) -> Outcome<()> {
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

pub(super) fn no_state(facts: &RunFacts, damaged: &[Damaged]) -> anyhow::Error {
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
