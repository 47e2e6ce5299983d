//! Resuming a run where it stopped.

use anyhow::{Context, Result};
use chrono::Utc;

use super::RunOptions;
use super::facts::command_line;
use super::open_run::{OpenRun, mark_failed, record};
use crate::inputs::EncodedInputs;
use crate::machine::claim::Claim;
use crate::numbers::count;
use crate::plan::{SettingRow, numerics, resolved_toml, shown};
use crate::progress::RunLog;
use crate::runs::states::{Damaged, SavedState};
use crate::runs::{FORMAT, Host, Recorder, Resumption, RunDirectory, RunFacts, Status, files, manifest, placed, states};
use crate::train::Device;

/// A run that this process has claimed, and a state to resume it from.
pub struct Resumed {
    pub directory: RunDirectory,
    pub claim: Claim,
    /// `run.json` as it was.
    pub facts: RunFacts,
    /// How the run had ended, as shown to the user.
    pub after: String,
    pub state: SavedState,
    /// Newer states that cannot be used.
    pub damaged: Vec<Damaged>,
    /// Settings that have changed.
    pub changed: Vec<Change>,
    /// All settings, if `resolved.toml` has to change.
    pub settings: Option<Vec<SettingRow>>,
    /// The identity of the training as it continues.
    pub identity: String,
}

/// A setting with a changed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The dotted path.
    pub path: String,
    /// The earlier value, as a table shows it.
    pub before: String,
    pub now: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} → {}", self.path, self.before, self.now)
    }
}

/// Returns the settings that differ between two complete lists of settings.
#[must_use]
pub fn changes(before: &[SettingRow], now: &[SettingRow]) -> Vec<Change> {
    let change = |now: &SettingRow| {
        let before = before.iter().find(|before| (&before.table, &before.key) == (&now.table, &now.key))?;
        let differs = before.value != now.value;
        differs.then(|| Change { path: now.path(), before: shown(before.value.as_ref()), now: shown(now.value.as_ref()) })
    };
    now.iter().filter_map(change).collect()
}

impl Resumed {
    /// Opens the run at its saved state; what was written after that is cut off.
    pub(super) fn open(self: Box<Self>, encoded: &EncodedInputs<'_>, device: &Device, options: &RunOptions) -> Result<OpenRun> {
        let Self { directory, claim, facts, after, state, damaged, changed, settings, identity } = *self;
        let SavedState { training, recorded, predictions } = state;
        let step = training.counters.steps;
        let current = numerics(encoded.inputs.trial.precision);
        let numerics_before = facts.computed_numerics().last();
        let host = Host::of_run(encoded.inputs.trial.precision, device.name());
        let resumption = Resumption {
            at: Utc::now(),
            step,
            after: after.clone(),
            command_line: command_line(),
            host: host.clone(),
            device: device.name().into(),
            gpu: device.model(),
            numerics: current,
            changed: changed.iter().map(ToString::to_string).collect(),
        };
        let facts = RunFacts {
            format_version: FORMAT,
            status: Status::Running,
            ended: None,
            exit: None,
            host,
            device: device.name().into(),
            gpu: device.model(),
            trial: identity,
            steps: encoded.inputs.trial.steps.total,
            resumed: facts.resumed.iter().cloned().chain([resumption]).collect(),
            ..facts
        };
        let kept: Vec<u64> = states::all(&directory)
            .into_iter()
            .map(|(other, _)| other)
            .filter(|other| *other <= step)
            .take(states::KEPT)
            .collect();
        let settings = settings.map(|rows| resolved_toml(&placed(&rows, directory.root())));
        manifest::go_on(&directory, &facts, &recorded.stays(&kept), settings.as_deref().map(str::as_bytes))?;
        let begin = || {
            let mut log = RunLog::open(options.loudness, &directory.path(files::LOG))?;
            let name = &facts.name;
            log.print(&format!("resuming {name} after step {} of {} ({after})", count(step), count(facts.steps)))?;
            for damaged in &damaged {
                log.print(&format!("{} cannot be used: {}", damaged.path.display(), damaged.reason))?;
            }
            if let Some(before) = numerics_before.filter(|before| *before != current) {
                log.print(&format!(
                    "this version computes under numerics {current}, and the run was computed under numerics {before}: from here \
                     on, the last digits can be others than without an interruption"
                ))?;
            }
            for change in &changed {
                log.print(&format!("changed: {change}"))?;
            }
            let recorder =
                Recorder::resumed(&directory, record(encoded, options, claim.watch())?, recorded, predictions.as_deref())?;
            // A later state belongs to the training that is cut off now.
            for (_, path) in states::all(&directory).into_iter().filter(|(other, _)| *other > step) {
                crate::machine::durable::retire_folder(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
            Ok((log, recorder))
        };
        let (log, recorder) = begin().inspect_err(|error| mark_failed(&directory, &facts, error))?;
        Ok(OpenRun { directory, facts, claim, recorder, from: Some(training), log })
    }
}
