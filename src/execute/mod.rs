//! One execution of a trial: training it, and recording it in a directory of its own.

mod introduce;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::checkpoint::{HostTensor, Template};
use crate::failure::{Failure, Outcome};
use crate::metrics::Direction;
use crate::panics;
use crate::pipeline::Pipeline;
use crate::progress::{Both, Loudness, Progress, Voice};
use crate::runs::{Exit, Host, Recorder, RunDirectory, RunFacts, RunId, Summary, Versions, files, resolved_toml, setting_rows};
use crate::train::{Device, Event, Observer, train};

use introduce::introduce;

/// A run that went as far as it should.
pub struct Ended {
    /// Its directory.
    pub directory: RunDirectory,
    /// Its id.
    pub id: RunId,
    /// What came of it.
    pub end: End,
}

/// What came of a run.
pub enum End {
    /// All steps were taken.
    Finished(Summary),
    /// A sweep stopped it early.
    Pruned(Pruned),
}

/// A sweep has seen enough of a trial.
#[derive(Clone, Debug, thiserror::Error)]
#[error("stopped after step {step}: {reason}")]
pub struct Pruned {
    /// Steps taken.
    pub step: u64,
    /// The scores that it fell behind.
    pub reason: String,
}

/// Someone else who wants to know how a run goes, and may stop it by the error [`Pruned`].
pub trait Listener: Observer {
    /// The run has a directory now.
    fn begun(&mut self, directory: &RunDirectory);
}

/// Nobody.
pub struct Nobody;

impl Observer for Nobody {
    fn observe(&mut self, _: &Event<'_>) -> Result<()> {
        Ok(())
    }
}

impl Listener for Nobody {
    fn begun(&mut self, _: &RunDirectory) {}
}

/// Trains what the pipeline holds, in a new directory below `root`.
///
/// # Errors
/// Training failed; the directory says so and is kept.
pub fn execute(
    pipeline: &Pipeline<'_>,
    device: &Device,
    root: &Path,
    loudness: Loudness,
    listener: &mut dyn Listener,
) -> Outcome<Ended> {
    let started = Utc::now();
    let id = RunId::new(started, std::process::id());
    let name = &pipeline.inputs.trial.settings.name;
    let directory = RunDirectory::create(root, started, name, &id).map_err(Failure::RunDirectory)?;
    let mut facts = facts(pipeline, device, started, &id);
    let begun = write_beginning(&directory, pipeline, &facts).and_then(|()| Voice::new(loudness, &directory.path(files::LOG)));
    let mut voice = begun.map_err(Failure::RunDirectory)?;
    listener.begun(&directory);
    let outcome = train_in(pipeline, device, &directory, &mut voice, listener);
    facts.ended = Some(Utc::now());
    let recorded = outcome.and_then(|end| match end {
        End::Finished(summary) => finish(&directory, &facts, summary).map(End::Finished),
        End::Pruned(pruned) => {
            facts.status = "pruned".into();
            facts.exit = Some(Exit { code: 0, message: Some(pruned.to_string()) });
            write_facts(&directory, &facts).map_err(Failure::RunDirectory)?;
            Ok(End::Pruned(pruned))
        }
    });
    match recorded {
        Ok(end) => Ok(Ended { directory, id, end }),
        Err(failure) => {
            facts.status = failure.status().into();
            facts.exit = Some(Exit { code: failure.exit_code(), message: Some(failure.to_string()) });
            // The failure itself is what matters; that it cannot be recorded either shows in the status.
            let _ = write_facts(&directory, &facts);
            let _ = voice.note(&format!("error: {failure}"));
            let _ = voice.say(&format!("the run is kept in {}", directory.root().display()));
            Err(failure)
        }
    }
}

/// Writes the summary and marks the run as finished: both, or neither.
fn finish(directory: &RunDirectory, facts: &RunFacts, summary: Summary) -> Outcome<Summary> {
    let finished = RunFacts { status: "finished".into(), exit: Some(Exit { code: 0, message: None }), ..facts.clone() };
    let json = serde_json::to_vec_pretty(&summary).map_err(|error| Failure::Internal(error.into()))?;
    let written = directory.write(files::SUMMARY, &json).and_then(|()| write_facts(directory, &finished));
    written.inspect_err(|_| drop(std::fs::remove_file(directory.path(files::SUMMARY)))).map_err(Failure::RunDirectory)?;
    Ok(summary)
}

fn write_beginning(directory: &RunDirectory, pipeline: &Pipeline<'_>, facts: &RunFacts) -> Result<()> {
    for (name, content) in pipeline.inputs.experiment.copies() {
        directory.write(&name, content.as_bytes())?;
    }
    directory.write(files::RESOLVED, resolved_toml(&setting_rows(pipeline.inputs)).as_bytes())?;
    write_facts(directory, facts)
}

fn write_facts(directory: &RunDirectory, facts: &RunFacts) -> Result<()> {
    directory.write(files::RUN, &serde_json::to_vec_pretty(facts)?)
}

fn train_in(
    pipeline: &Pipeline<'_>,
    device: &Device,
    directory: &RunDirectory,
    voice: &mut Voice,
    listener: &mut dyn Listener,
) -> Outcome<End> {
    let (inputs, trial) = (pipeline.inputs, &pipeline.inputs.trial);
    let settings = &trial.settings;
    introduce(pipeline, device, voice).map_err(Failure::RunDirectory)?;
    let task = settings.task.task();
    let source = inputs.named.files.clone();
    let template = Template { config: trial.config.clone(), labels: task.labels, table: pipeline.table.clone(), source };
    let recorder = Recorder::new(directory, task, settings.metric.name(), &settings.checkpoints.keep, template);
    let mut recorder = recorder.map_err(Failure::RunDirectory)?;
    let direction = task.direction(settings.metric.name()).unwrap_or(Direction::Maximize);
    let mut progress = Progress::new(voice, settings.metric.name(), direction, trial.steps.total);
    let initial: &[HostTensor] = &pipeline.initial.parameters;
    // Burn reports a failing device by a panic.
    let trained = catch_unwind(AssertUnwindSafe(|| {
        let mut own = Both(&mut recorder, &mut progress);
        train(trial, initial, &pipeline.train, &pipeline.validation, device, &mut Both(&mut own, listener))
    }));
    drop(progress);
    match trained {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            return match error.downcast::<Pruned>() {
                Ok(pruned) => Ok(End::Pruned(pruned)),
                Err(error) => Err(Failure::training(error)),
            };
        }
        Err(_) => return Err(Failure::panic(&panics::last())),
    }
    let summary = recorder.summary().ok_or_else(|| Failure::Internal(anyhow::anyhow!("training ended without an evaluation")))?;
    Ok(End::Finished(summary))
}

fn facts(pipeline: &Pipeline<'_>, device: &Device, started: DateTime<Utc>, id: &RunId) -> RunFacts {
    let trial = &pipeline.inputs.trial;
    RunFacts {
        format_version: 1,
        id: id.to_string(),
        name: trial.settings.name.clone(),
        task: trial.settings.task.task().name.into(),
        trial: pipeline.identity.clone(),
        status: "running".into(),
        started,
        ended: None,
        exit: None,
        command_line: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        working_folder: std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        host: Host::this(),
        device: device.name().into(),
        versions: Versions::this(),
        checkpoint: pipeline.inputs.named.checkpoint.to_string(),
        hashes: pipeline.hashes.clone(),
        seed: trial.settings.seed,
        parameters: pipeline.parameters(),
        drawn: pipeline.initial.drawn.clone(),
        unused: pipeline.initial.unused.clone(),
        train_examples: trial.train_examples,
        validation_examples: trial.validation_examples,
        steps: trial.steps.total,
    }
}
