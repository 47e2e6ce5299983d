//! A run whose directory this process has claimed, from its first file to the record of how it ended.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::Utc;

use super::facts::{command, facts};
use super::header::write_header;
use super::result::result_text;
use super::{End, RunOptions};
use crate::checkpoint::Template;
use crate::failure::{Failure, Outcome};
use crate::inputs::EncodedInputs;
use crate::machine::claim::{Claim, ClaimWatch};
use crate::plan::resolved_toml;
use crate::progress::RunLog;
use crate::runs::{Exit, Record, Recorder, RunDirectory, RunFacts, RunId, Status, Summary, files, manifest, placed, states};
use crate::task::Task;
use crate::train::{Device, TrainingState};

/// A run whose directory this process has claimed.
pub struct OpenRun {
    pub directory: RunDirectory,
    pub facts: RunFacts,
    /// Held for as long as the run is open.
    pub claim: Claim,
    pub recorder: Recorder,
    /// The state to continue from; `None` for a new run.
    pub from: Option<TrainingState>,
    pub log: RunLog,
}

impl OpenRun {
    /// Creates a run in a new directory below `root`.
    pub fn create(encoded: &EncodedInputs<'_>, device: &Device, root: &Path, options: &RunOptions) -> Result<Self> {
        let started = Utc::now();
        let id = RunId::new(started, std::process::id());
        let directory = RunDirectory::create(root, started, &encoded.inputs.trial.settings.name, &id)?;
        let claim = directory.claim()?.ok_or_else(|| anyhow::anyhow!("another process has claimed the new run"))?;
        let facts = facts(encoded, device, started, &id)?;
        for (name, content) in encoded.inputs.experiment.copies() {
            directory.write(&name, content.as_bytes())?;
        }
        let settings = placed(&encoded.inputs.setting_rows(), directory.root());
        directory.write(files::RESOLVED, resolved_toml(&settings).as_bytes())?;
        manifest::begin(&directory, &facts)?;
        let begin = || {
            let mut log = RunLog::open(options.loudness, &directory.path(files::LOG))?;
            write_header(encoded, &facts, device, &mut log)?;
            Ok((log, Recorder::new(&directory, record(encoded, options, claim.watch())?)?))
        };
        let (log, recorder) = begin().inspect_err(|error| mark_failed(&directory, &facts, error))?;
        Ok(Self { directory, facts, claim, recorder, from: None, log })
    }

    /// Records how training ended; returns the text to print at the end of a finished run.
    pub fn record_end(&mut self, end: End, task: &Task, options: &RunOptions) -> Outcome<(End, Option<String>)> {
        self.facts.ended = Some(Utc::now());
        match end {
            End::Finished(summary) => {
                let text = options.runs.as_deref().map(|root| {
                    let next = command("show", root, &self.facts.id);
                    result_text(&self.facts.name, &summary, task, &self.directory, &next)
                });
                if let Some(text) = &text {
                    // The run is finished even if the log cannot be written.
                    let _ = self.log.write(text);
                }
                finish(&self.directory, &self.facts, &summary)?;
                Ok((End::Finished(summary), text))
            }
            End::Pruned { step, reason } => {
                self.facts.status = Status::Pruned;
                self.facts.exit = Some(Exit { code: 0, message: Some(format!("stopped after step {step}: {reason}")) });
                manifest::end(&self.directory, &self.facts).map_err(Failure::RunDirectory)?;
                Ok((End::Pruned { step, reason }, None))
            }
        }
    }

    /// Records that training failed or was interrupted. Errors while recording are ignored: the failure itself is what
    /// matters, and the run's status shows that its end was not recorded.
    pub fn record_failure(self, failure: &Failure, options: &RunOptions) {
        let Self { directory, mut facts, mut log, recorder, claim: _claim, from: _ } = self;
        facts.ended = Some(Utc::now());
        facts.status = failure.status();
        facts.exit = Some(Exit { code: failure.exit_code(), message: Some(failure.to_string()) });
        let _ = log.write(&format!("error: {failure}"));
        let _ = failure.details().map(|details| log.write(details));
        let _ = log.print(&format!("the run is kept in {}", directory.root().display()));
        let can_resume = facts.status.can_resume() && !states::all(&directory).is_empty();
        if let Some(root) = options.runs.as_deref().filter(|_| can_resume) {
            let _ = log.print(&format!("continue with: {}", command("resume", root, &facts.id)));
        }
        // Dropping the recorder retries a row that could not be written.
        drop(recorder);
        let _ = manifest::end(&directory, &facts);
    }
}

/// Marks a run that cannot start as failed; the error itself is what matters.
pub fn mark_failed(directory: &RunDirectory, facts: &RunFacts, error: &anyhow::Error) {
    let exit = Exit { code: 8, message: Some(format!("{error:#}")) };
    let _ = manifest::replace_facts(directory, &RunFacts { status: Status::Failed, exit: Some(exit), ..facts.clone() });
}

/// Returns what a recorder needs to know about a run.
///
/// # Errors
/// The task does not have the metric that the settings name.
pub fn record(encoded: &EncodedInputs<'_>, options: &RunOptions, claim: ClaimWatch) -> Result<Record> {
    let (inputs, settings) = (encoded.inputs, &encoded.inputs.trial.settings);
    let task = inputs.trial.task.clone();
    let template = Template {
        architecture: inputs.trial.architecture.clone(),
        head: task.head.clone(),
        parameters: Arc::clone(&inputs.trial.parameters),
        source: inputs.loaded.files.clone(),
    };
    let metric = settings.metric.name();
    Ok(Record {
        labels: inputs.labels(),
        metric: metric.into(),
        direction: task.direction(metric).with_context(|| format!("the task has no metric {metric}"))?,
        task,
        checkpoints: settings.checkpoints.clone(),
        template,
        stop: options.stop.clone(),
        claim,
    })
}

/// Writes the summary and marks the run as finished: both, or neither.
fn finish(directory: &RunDirectory, facts: &RunFacts, summary: &Summary) -> Outcome<()> {
    let finished = RunFacts { status: Status::Finished, exit: Some(Exit { code: 0, message: None }), ..facts.clone() };
    let json = serde_json::to_vec_pretty(summary).map_err(|error| Failure::Internal(error.into()))?;
    let written = directory.write(files::SUMMARY, &json).and_then(|()| manifest::end(directory, &finished));
    written.inspect_err(|_| drop(std::fs::remove_file(directory.path(files::SUMMARY)))).map_err(Failure::RunDirectory)
}
