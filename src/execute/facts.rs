//! The content of `run.json`, and commands about a run.

use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::inputs::EncodedInputs;
use crate::plan::numerics;
use crate::runs::{FORMAT, Host, RunFacts, RunId, Status, Versions};
use crate::train::Device;

/// Returns the facts of a run that starts now.
///
/// # Errors
/// The tokenizer rejects a text of the probe.
pub(super) fn facts(encoded: &EncodedInputs<'_>, device: &Device, started: DateTime<Utc>, id: &RunId) -> Result<RunFacts> {
    let trial = &encoded.inputs.trial;
    let current = numerics(trial.precision);
    Ok(RunFacts {
        format_version: FORMAT,
        id: id.to_string(),
        name: trial.settings.name.clone(),
        task: trial.task.name.clone(),
        task_definition: Some(trial.task.clone()),
        trial: encoded.provenance.identity.clone(),
        status: Status::Running,
        started,
        ended: None,
        exit: None,
        command_line: command_line(),
        working_folder: std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        host: Host::of_run(trial.precision, device.name()),
        device: device.name().into(),
        gpu: device.model(),
        kernels: device.kernels(),
        versions: Versions::this(),
        checkpoint: encoded.inputs.loaded.checkpoint.to_string(),
        data_source: data_source(encoded),
        commits: encoded.inputs.loaded.commits(),
        hashes: encoded.provenance.hashes.clone(),
        tokenization: Some(encoded.provenance.tokenization).filter(|tokenization| *tokenization > 1),
        input: Some(encoded.contract()?),
        numerics: current,
        planned_numerics: Some(encoded.provenance.numerics).filter(|planned| *planned != current),
        seed: trial.settings.seed,
        parameters: trial.parameter_count(),
        drawn: encoded.initial.drawn.clone(),
        unused: encoded.initial.unused.clone(),
        cast: encoded.initial.cast.clone(),
        train_examples: trial.train_examples,
        validation_examples: trial.validation_examples,
        steps: trial.steps.total,
        resumed: Vec::new(),
        removed: Vec::new(),
    })
}

/// Returns `hub`, or the task's folder.
fn data_source(encoded: &EncodedInputs<'_>) -> String {
    let inputs = encoded.inputs;
    let folder = inputs.loaded.source.train.paths.first().and_then(|path| path.parent());
    let folder = folder.filter(|_| inputs.trial.settings.data.source != "hub");
    folder.map_or_else(|| "hub".into(), |folder| folder.display().to_string())
}

/// Returns a command about a run, with the program's name as it was typed.
#[must_use]
pub fn command(verb: &str, root: &Path, id: &str) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "gluepot".into());
    let elsewhere = if root == Path::new("runs") { String::new() } else { format!(" --runs {}", root.display()) };
    format!("{program} {verb} {id}{elsewhere}")
}

pub(super) fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}
