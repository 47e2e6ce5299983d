//! One execution of a trial: training it, and recording it in a directory of its own. One execution of a sweep: many of them.

mod closing;
mod device;
mod introduce;
mod resume;
mod sources;
mod sweep;
mod sweep_end;
mod trial;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::checkpoint::Template;
use crate::failure::{Failure, Outcome};
use crate::inputs::Pipeline;
use crate::machine::memory::when_refused;
use crate::machine::panics;
use crate::machine::stop::Stop;
use crate::numbers::bytes;
use crate::plan::{numerics, resolved_toml};
use crate::progress::{Both, Loudness, Progress, Voice};
use crate::runs::{
    Claim, Exit, FORMAT, Host, Interrupted, Record, Recorder, RunDirectory, RunFacts, RunId, RunLock, Status, Summary, Versions,
    files, manifest, placed, states,
};
use crate::task::metrics::Direction;
use crate::terminal::complain_styled;
use crate::train::{Device, Event, Observer, Start, train};

pub use device::with_device;
pub use resume::{Change, Resumed, changes};
pub use sweep::{Conduct, Conducted, conduct};
pub use sweep_end::{Closing, best, best_lines, close, sweep_command};
pub use trial::run_trial;

use closing::closing;
use introduce::introduce;
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

/// Where a run begins.
pub enum Begin<'a> {
    /// In a new directory below this one.
    New(&'a Path),
    /// Where it was.
    Again(Box<Resumed>),
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Manner {
    /// How much is said.
    pub loudness: Loudness,
    /// Whether somebody asks to stop.
    pub stop: Stop,
    /// Where a person finds the run again; none for a trial, which its sweep resumes.
    pub runs: Option<PathBuf>,
    /// Whether a finished run keeps what going on needs, so that it can be trained for longer.
    pub keeps_state: bool,
}

/// What a run has before it trains.
struct Prepared {
    directory: RunDirectory,
    facts: RunFacts,
    /// Held as long as the run is.
    lock: RunLock,
    recorder: Recorder,
    from: Option<crate::train::TrainingState>,
    voice: Voice,
}

/// Trains what the pipeline holds, and records it.
///
/// # Errors
/// Training failed, or somebody asked to stop; the directory says so and is kept.
pub fn execute(
    pipeline: &Pipeline<'_>,
    device: &Device,
    begin: Begin<'_>,
    manner: &Manner,
    listener: &mut dyn Listener,
) -> Outcome<Ended> {
    let prepared = match begin {
        Begin::New(root) => new(pipeline, device, root, manner),
        Begin::Again(resumed) => resumed.prepare(pipeline, device, manner),
    };
    let mut prepared = prepared.map_err(Failure::RunDirectory)?;
    listener.begun(&prepared.directory);
    let outcome = train_in(pipeline, device, &mut prepared, listener);
    let Prepared { directory, mut facts, mut voice, lock, mut recorder, .. } = prepared;
    lock.claim().look().map_err(Failure::TakenOver)?;
    facts.ended = Some(Utc::now());
    let mut told = None;
    let recorded = outcome.and_then(|end| match end {
        End::Finished(summary) => {
            if let Some(root) = manner.runs.as_deref() {
                let text =
                    closing(&facts.name, &summary, &pipeline.inputs.trial.task, &directory, &command("show", root, &facts.id));
                // That its last words do not fit on the disk changes nothing.
                let _ = voice.note(&text);
                told = Some(text);
            }
            finish(&directory, &facts, summary).map(End::Finished)
        }
        End::Pruned(pruned) => {
            facts.status = Status::Pruned;
            facts.exit = Some(Exit { code: 0, message: Some(pruned.to_string()) });
            manifest::end(&directory, &facts).map_err(Failure::RunDirectory)?;
            Ok(End::Pruned(pruned))
        }
    });
    match recorded {
        Ok(end) => {
            // Only now: whoever is killed before the record is whole has a state to resume from.
            let keeps_state = manner.keeps_state && matches!(end, End::Finished(_));
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
            if let Some(root) = manner.runs.as_deref().filter(|_| can_go_on) {
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

fn new(pipeline: &Pipeline<'_>, device: &Device, root: &Path, manner: &Manner) -> Result<Prepared> {
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
        let mut voice = Voice::new(manner.loudness, &directory.path(files::LOG))?;
        introduce(pipeline, device, &mut voice)?;
        Ok((voice, Recorder::new(&directory, record(pipeline, manner, lock.claim()))?))
    };
    let (voice, recorder) = begin().inspect_err(|error| give_up(&directory, &facts, error))?;
    Ok(Prepared { directory, facts, lock, recorder, from: None, voice })
}

/// Marks a run that cannot begin; the error itself is what matters.
fn give_up(directory: &RunDirectory, facts: &RunFacts, error: &anyhow::Error) {
    let exit = Exit { code: 8, message: Some(format!("{error:#}")) };
    let _ = manifest::replace_facts(directory, &RunFacts { status: Status::Failed, exit: Some(exit), ..facts.clone() });
}

fn record(pipeline: &Pipeline<'_>, manner: &Manner, claim: Claim) -> Record {
    let (inputs, settings) = (pipeline.inputs, &pipeline.inputs.trial.settings);
    let task = inputs.trial.task.clone();
    let template = Template {
        architecture: inputs.trial.architecture.clone(),
        head: task.head.clone(),
        parameters: Arc::clone(&inputs.trial.parameters),
        source: inputs.named.files.clone(),
    };
    let checkpoints = settings.checkpoints.clone();
    let labels = inputs.labels();
    Record { task, labels, metric: settings.metric.name().into(), checkpoints, template, stop: manner.stop.clone(), claim }
}

/// Writes the summary and marks the run as finished: both, or neither.
fn finish(directory: &RunDirectory, facts: &RunFacts, summary: Box<Summary>) -> Outcome<Box<Summary>> {
    let finished = RunFacts { status: Status::Finished, exit: Some(Exit { code: 0, message: None }), ..facts.clone() };
    let json = serde_json::to_vec_pretty(&summary).map_err(|error| Failure::Internal(error.into()))?;
    let written = directory.write(files::SUMMARY, &json).and_then(|()| manifest::end(directory, &finished));
    written.inspect_err(|_| drop(std::fs::remove_file(directory.path(files::SUMMARY)))).map_err(Failure::RunDirectory)?;
    Ok(summary)
}

fn train_in(pipeline: &Pipeline<'_>, device: &Device, prepared: &mut Prepared, listener: &mut dyn Listener) -> Outcome<End> {
    let trial = &pipeline.inputs.trial;
    let settings = &trial.settings;
    let Prepared { recorder, voice, facts, directory, .. } = prepared;
    let start = match prepared.from.take() {
        None => Start::Fresh(&pipeline.initial.parameters),
        Some(state) => Start::From(state),
    };
    let direction = trial.task.direction(settings.metric.name()).unwrap_or(Direction::Maximize);
    let mut progress = Progress::new(voice, settings.metric.name(), direction, trial.steps.total);
    progress.go_on(recorder.best(), recorder.last(), &start);
    let _listening = when_refused(last_words(directory, facts));
    panics::forget();
    // Burn reports a failing device by a panic.
    let trained = catch_unwind(AssertUnwindSafe(|| {
        let mut own = Both(recorder, &mut progress);
        train(trial, start, &pipeline.train, &pipeline.validation, device, &mut Both(&mut own, listener))
    }));
    drop(progress);
    let end = match trained {
        Ok(Ok(())) => {
            let summary = recorder.summary();
            let none = || Failure::Internal(anyhow::anyhow!("training ended without an evaluation"));
            End::Finished(Box::new(summary.ok_or_else(none)?))
        }
        Ok(Err(error)) => match error.downcast::<Pruned>() {
            Ok(pruned) => End::Pruned(pruned),
            Err(error) => return Err(failure(error, facts)),
        },
        Err(_) => return Err(Failure::panic(&panics::reason())),
    };
    recorder.release().map_err(Failure::RunDirectory).map(|()| end)
}

/// What is said and written when there is no memory left for the training: nothing can be handed up any more.
fn last_words(directory: &RunDirectory, facts: &RunFacts) -> impl FnMut(usize) + Send + 'static {
    let (directory, mut facts) = (directory.clone(), facts.clone());
    move |size| {
        let failure = Failure::OutOfMemory(format!("the system refused another {}", bytes(size as u64)));
        facts.ended = Some(Utc::now());
        facts.status = failure.status();
        facts.exit = Some(Exit { code: failure.exit_code(), message: Some(failure.to_string()) });
        let _ = manifest::replace_facts(&directory, &facts);
        complain_styled(&failure.styled());
        std::process::exit(failure.exit_code().into());
    }
}

fn failure(error: anyhow::Error, facts: &RunFacts) -> Failure {
    match error.downcast::<Interrupted>() {
        Ok(interrupted) => Failure::Interrupted(format!("{interrupted} of {}; everything is saved", facts.steps)),
        Err(error) => error.downcast().map_or_else(Failure::training, Failure::TakenOver),
    }
}

fn facts(pipeline: &Pipeline<'_>, device: &Device, started: DateTime<Utc>, id: &RunId) -> RunFacts {
    let trial = &pipeline.inputs.trial;
    RunFacts {
        format_version: FORMAT,
        id: id.to_string(),
        name: trial.settings.name.clone(),
        task: trial.task.name.clone(),
        task_definition: Some(trial.task.clone()),
        trial: pipeline.identity.clone(),
        status: Status::Running,
        started,
        ended: None,
        exit: None,
        command_line: command_line(),
        working_folder: std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        host: Host::this(),
        device: device.name().into(),
        gpu: device.model(),
        kernels: device.kernels(),
        versions: Versions::this(),
        checkpoint: pipeline.inputs.named.checkpoint.to_string(),
        data_source: data_source(pipeline),
        commits: pipeline.inputs.named.commits(),
        hashes: pipeline.hashes.clone(),
        tokenization: Some(pipeline.tokenization).filter(|tokenization| *tokenization > 1),
        numerics: numerics(trial.settings.training.precision),
        planned_numerics: None,
        seed: trial.settings.seed,
        parameters: pipeline.inputs.trial.parameter_count(),
        drawn: pipeline.initial.drawn.clone(),
        unused: pipeline.initial.unused.clone(),
        train_examples: trial.train_examples,
        validation_examples: trial.validation_examples,
        steps: trial.steps.total,
        resumed: Vec::new(),
        removed: Vec::new(),
    }
}

/// `hub`, or the task's folder.
fn data_source(pipeline: &Pipeline<'_>) -> String {
    let inputs = pipeline.inputs;
    let folder = inputs.named.source.train.paths.first().and_then(|path| path.parent());
    let folder = folder.filter(|_| inputs.trial.settings.data.source != "hub");
    folder.map_or_else(|| "hub".into(), |folder| folder.display().to_string())
}

/// A command about a run, by the program's name as it was typed.
#[must_use]
pub fn command(verb: &str, root: &Path, id: &str) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "gluepot".into());
    let elsewhere = if root == Path::new("runs") { String::new() } else { format!(" --runs {}", root.display()) };
    format!("{program} {verb} {id}{elsewhere}")
}

fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}
