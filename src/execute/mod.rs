//! One execution of a trial: training it, and recording it in a directory of its own. One execution of a sweep: many of them.

mod closing;
mod device;
mod facts;
mod header;
mod resume;
mod sources;
mod sweep;
mod sweep_end;
mod training;
mod trial;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::Utc;

use crate::checkpoint::Template;
use crate::failure::{Failure, Outcome};
use crate::inputs::Pipeline;
use crate::machine::signals::StopSignal;
use crate::plan::resolved_toml;
use crate::progress::{Loudness, Voice};
use crate::runs::{
    Claim, Exit, Record, Recorder, RunDirectory, RunFacts, RunId, RunLock, Status, Summary, files, manifest, placed, states,
};
use crate::train::{Device, Observer, TrainingState};

pub use device::with_device;
pub use facts::command;
pub use resume::{Change, Resumed, changes};
pub use sweep::{Conduct, Conducted, conduct};
pub use sweep_end::{Closing, best, best_lines, close, sweep_command};
pub use trial::run_trial;

use closing::closing;
use facts::{command_line, facts};
use header::write_header;
use training::train_in;

pub use sources::{Sources, sources};

/// A run that went as far as it should.
pub struct Ended {
    /// Its directory.
    pub directory: RunDirectory,
    /// Its id.
    pub id: String,
    /// What came of it.
    pub end: End,
    /// What a person is told at the end of a finished run.
    pub closing: Option<String>,
}

/// What came of a run.
pub enum End {
    /// All steps were taken.
    Finished(Box<Summary>),
    /// Its sweep stopped it early.
    Pruned {
        /// Steps taken.
        step: u64,
        /// The scores that it fell behind.
        reason: String,
    },
}

/// Where a run begins.
pub enum Begin<'a> {
    /// In a new directory below this one.
    New(&'a Path),
    /// Where it was.
    Again(Box<Resumed>),
}

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How much is printed.
    pub loudness: Loudness,
    /// Whether somebody asks to stop.
    pub stop: StopSignal,
    /// Where a person finds the run again; none for a trial, which its sweep resumes.
    pub runs: Option<PathBuf>,
    /// Whether a finished run keeps its last state, so that it can be trained for longer.
    pub keeps_state: bool,
}

/// What a run has before it trains.
struct Prepared {
    directory: RunDirectory,
    facts: RunFacts,
    /// Held as long as the run is.
    lock: RunLock,
    recorder: Recorder,
    /// Where training continues; none in a new run.
    from: Option<TrainingState>,
    voice: Voice,
}

/// Trains what the pipeline holds, and records it. `observers` follow the training behind the run's own.
///
/// # Errors
/// Training failed, or somebody asked to stop; the directory says so and is kept.
pub fn execute(
    pipeline: &Pipeline<'_>,
    device: &Device,
    begin: Begin<'_>,
    options: &RunOptions,
    observers: &mut [&mut dyn Observer],
) -> Outcome<Ended> {
    let prepared = match begin {
        Begin::New(root) => new(pipeline, device, root, options),
        Begin::Again(resumed) => resumed.prepare(pipeline, device, options),
    };
    let mut prepared = prepared.map_err(Failure::RunDirectory)?;
    let outcome = train_in(pipeline, device, &mut prepared, observers);
    let Prepared { directory, mut facts, mut voice, lock, mut recorder, .. } = prepared;
    lock.claim().look().map_err(Failure::TakenOver)?;
    facts.ended = Some(Utc::now());
    let mut told = None;
    let recorded = outcome.and_then(|end| match end {
        End::Finished(summary) => {
            if let Some(root) = options.runs.as_deref() {
                let text =
                    closing(&facts.name, &summary, &pipeline.inputs.trial.task, &directory, &command("show", root, &facts.id));
                // That its last words do not fit on the disk changes nothing.
                let _ = voice.note(&text);
                told = Some(text);
            }
            finish(&directory, &facts, summary).map(End::Finished)
        }
        End::Pruned { step, reason } => {
            facts.status = Status::Pruned;
            facts.exit = Some(Exit { code: 0, message: Some(format!("stopped after step {step}: {reason}")) });
            manifest::end(&directory, &facts).map_err(Failure::RunDirectory)?;
            Ok(End::Pruned { step, reason })
        }
    });
    match recorded {
        Ok(end) => {
            // Only now: whoever is killed before the record is whole has a state to resume from.
            let keeps_state = options.keeps_state && matches!(end, End::Finished(_));
            let _ = recorder.tidy(keeps_state);
            Ok(Ended { directory, id: facts.id, end, closing: told })
        }
        Err(failure) => {
            facts.status = failure.status();
            facts.exit = Some(Exit { code: failure.exit_code(), message: Some(failure.to_string()) });
            let _ = voice.note(&format!("error: {failure}"));
            let _ = failure.details().map(|details| voice.note(details));
            let _ = voice.say(&format!("the run is kept in {}", directory.root().display()));
            let can_go_on = facts.status.can_resume() && !states::all(&directory).is_empty();
            if let Some(root) = options.runs.as_deref().filter(|_| can_go_on) {
                let _ = voice.say(&format!("continue with: {}", command("resume", root, &facts.id)));
            }
            // A row that could not be written is tried again at the end of its table.
            drop(recorder);
            // The failure itself is what matters; that it cannot be recorded either shows in the status.
            let _ = manifest::end(&directory, &facts);
            Err(failure)
        }
    }
}

fn new(pipeline: &Pipeline<'_>, device: &Device, root: &Path, options: &RunOptions) -> Result<Prepared> {
    let started = Utc::now();
    let id = RunId::new(started, std::process::id());
    let directory = RunDirectory::create(root, started, &pipeline.inputs.trial.settings.name, &id)?;
    let lock = RunLock::take(&directory)?.ok_or_else(|| anyhow::anyhow!("another process has taken the new run"))?;
    let facts = facts(pipeline, device, started, &id);
    for (name, content) in pipeline.inputs.experiment.copies() {
        directory.write(&name, content.as_bytes())?;
    }
    let settings = placed(&pipeline.inputs.setting_rows(), directory.root());
    directory.write(files::RESOLVED, resolved_toml(&settings).as_bytes())?;
    manifest::begin(&directory, &facts)?;
    let begin = || {
        let mut voice = Voice::new(options.loudness, &directory.path(files::LOG))?;
        write_header(pipeline, device, &mut voice)?;
        Ok((voice, Recorder::new(&directory, record(pipeline, options, lock.claim())?)?))
    };
    let (voice, recorder) = begin().inspect_err(|error| give_up(&directory, &facts, error))?;
    Ok(Prepared { directory, facts, lock, recorder, from: None, voice })
}

/// Marks a run that cannot begin; the error itself is what matters.
fn give_up(directory: &RunDirectory, facts: &RunFacts, error: &anyhow::Error) {
    let exit = Exit { code: 8, message: Some(format!("{error:#}")) };
    let _ = manifest::replace_facts(directory, &RunFacts { status: Status::Failed, exit: Some(exit), ..facts.clone() });
}

fn record(pipeline: &Pipeline<'_>, options: &RunOptions, claim: Claim) -> Result<Record> {
    let (inputs, settings) = (pipeline.inputs, &pipeline.inputs.trial.settings);
    let task = inputs.trial.task.clone();
    let template = Template {
        architecture: inputs.trial.architecture.clone(),
        head: task.head.clone(),
        parameters: Arc::clone(&inputs.trial.parameters),
        source: inputs.named.files.clone(),
    };
    let metric = settings.metric.name();
    Ok(Record {
        task,
        labels: inputs.labels(),
        metric: metric.into(),
        direction: task.direction(metric).with_context(|| format!("the task has no metric {metric}"))?,
        checkpoints: settings.checkpoints.clone(),
        template,
        stop: options.stop.clone(),
        claim,
    })
}

/// Writes the summary and marks the run as finished: both, or neither.
fn finish(directory: &RunDirectory, facts: &RunFacts, summary: Box<Summary>) -> Outcome<Box<Summary>> {
    let finished = RunFacts { status: Status::Finished, exit: Some(Exit { code: 0, message: None }), ..facts.clone() };
    let json = serde_json::to_vec_pretty(&summary).map_err(|error| Failure::Internal(error.into()))?;
    let written = directory.write(files::SUMMARY, &json).and_then(|()| manifest::end(directory, &finished));
    written.inspect_err(|_| drop(std::fs::remove_file(directory.path(files::SUMMARY)))).map_err(Failure::RunDirectory)?;
    Ok(summary)
}
