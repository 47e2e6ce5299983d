//! A run that goes on where it was.

use std::fs;

use anyhow::{Context, Result};
use chrono::Utc;

use super::{Manner, Prepared, command_line, give_up, record, write_facts};
use crate::pipeline::Pipeline;
use crate::progress::Voice;
use crate::report::count;
use crate::runs::states::{Damaged, SavedState};
use crate::runs::{
    Host, Recorder, Resumption, RunDirectory, RunFacts, RunLock, SettingRow, Status, files, resolved_toml, setting_rows, shown,
    states,
};
use crate::train::Device;

/// A run of which this process has the lock, and a state that it can go on from.
pub struct Resumed {
    /// Its directory.
    pub directory: RunDirectory,
    /// The lock.
    pub lock: RunLock,
    /// `run.json`, as it was.
    pub facts: RunFacts,
    /// How it had ended, as it is shown.
    pub after: String,
    /// The state.
    pub state: SavedState,
    /// Newer states that cannot be used.
    pub damaged: Vec<Damaged>,
    /// Settings that are others now.
    pub changed: Vec<Change>,
    /// The identity of the training as it goes on.
    pub identity: String,
}

/// A setting with another value than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The dotted path.
    pub path: String,
    /// The value before, as a table shows it.
    pub before: String,
    /// The value now.
    pub now: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} → {}", self.path, self.before, self.now)
    }
}

/// The settings in which two lists of all settings differ.
#[must_use]
pub fn changes(before: &[SettingRow], now: &[SettingRow]) -> Vec<Change> {
    let pairs = before.iter().zip(now).filter(|(before, now)| before.value != now.value);
    let change = |(before, now): (&SettingRow, &SettingRow)| Change {
        path: before.path(),
        before: shown(before.value.as_ref()),
        now: shown(now.value.as_ref()),
    };
    pairs.map(change).collect()
}

impl Resumed {
    pub(super) fn prepare(self: Box<Self>, pipeline: &Pipeline<'_>, device: &Device, manner: &Manner) -> Result<Prepared> {
        let Self { directory, lock, facts, after, state, damaged, changed, identity } = *self;
        let SavedState { training, recorded, predictions } = state;
        let step = training.counters.steps;
        // With a summary, the run would look finished.
        let summary = directory.path(files::SUMMARY);
        if summary.exists() {
            fs::remove_file(&summary).with_context(|| format!("cannot remove {}", summary.display()))?;
        }
        if !changed.is_empty() {
            directory.write(files::RESOLVED, resolved_toml(&setting_rows(pipeline.inputs)).as_bytes())?;
        }
        let resumption = Resumption {
            at: Utc::now(),
            step,
            after: after.clone(),
            command_line: command_line(),
            host: Host::this(),
            device: device.name().into(),
            gpu: device.model(),
            changed: changed.iter().map(ToString::to_string).collect(),
        };
        let facts = RunFacts {
            status: Status::Running,
            ended: None,
            exit: None,
            host: Host::this(),
            device: device.name().into(),
            gpu: device.model(),
            trial: identity,
            steps: pipeline.inputs.trial.steps.total,
            resumed: facts.resumed.iter().cloned().chain([resumption]).collect(),
            ..facts
        };
        write_facts(&directory, &facts)?;
        let begin = || {
            let mut voice = Voice::new(manner.loudness, &directory.path(files::LOG))?;
            let name = &facts.name;
            voice.say(&format!("{name} ({after}) goes on after step {} of {}", count(step), count(facts.steps)))?;
            for damaged in &damaged {
                voice.say(&format!("{} cannot be used: {}", damaged.path.display(), damaged.reason))?;
            }
            for change in &changed {
                voice.say(&format!("changed: {change}"))?;
            }
            let recorder = Recorder::resumed(&directory, record(pipeline, manner), recorded, predictions.as_deref())?;
            // A state after this one would be of a training that is cut now.
            for (_, path) in states::all(&directory).into_iter().filter(|(other, _)| *other > step) {
                crate::durable::remove_folder(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
            Ok((voice, recorder))
        };
        let (voice, recorder) = begin().inspect_err(|error| give_up(&directory, &facts, error))?;
        Ok(Prepared { directory, facts, _lock: lock, recorder, from: Some(training), voice })
    }
}
