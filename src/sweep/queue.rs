//! Choice of the next trial: a pure function of the plan and the states of its trials.

use std::collections::HashMap;

use super::plan::PlannedTrial;

/// The state of a trial.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialState {
    /// Not started, or interrupted.
    Pending,
    /// Running, here or in another process.
    Running,
    /// Finished, with this score.
    Done(Option<f64>),
    /// Stopped at a rung, for this reason.
    Pruned(String),
    /// Failed, for this reason.
    Failed(String),
    /// No longer needed, because its variant was stopped.
    Skipped,
}

impl TrialState {
    /// Returns the state's name in JSON output.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "left",
            Self::Running => "running",
            Self::Done(_) => "done",
            Self::Pruned(_) => "stopped early",
            Self::Failed(_) => "failed",
            Self::Skipped => "not needed",
        }
    }

    /// Returns whether nothing more will happen to the trial.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Start the trial with this index.
    Start(usize),
    /// Nothing can start until a trial ends.
    Wait,
    /// Everything has ended.
    Nothing,
}

/// Returns the first trial in plan order that can start.
///
/// A trial whose variant has not been decided on yet waits for that; if its variant is stopped, it is skipped.
#[must_use]
pub fn next(trials: &[PlannedTrial], states: &mut [TrialState]) -> Next {
    drop_stopped(trials, states);
    let deciders = deciders(trials);
    let mut waits = false;
    for (index, trial) in trials.iter().enumerate() {
        match states[index] {
            TrialState::Running => waits = true,
            TrialState::Pending => {
                let decider = deciders.get(&trial.variant).filter(|_| !trial.decides);
                if decider.is_some_and(|decider| !states[*decider].is_final()) {
                    waits = true;
                } else {
                    return Next::Start(index);
                }
            }
            _ => {}
        }
    }
    if waits { Next::Wait } else { Next::Nothing }
}

/// Marks pending trials that are no longer needed because their variant was stopped.
pub fn drop_stopped(trials: &[PlannedTrial], states: &mut [TrialState]) {
    let deciders = deciders(trials);
    for (index, trial) in trials.iter().enumerate().filter(|(_, trial)| !trial.decides) {
        let decider = deciders.get(&trial.variant);
        if states[index] == TrialState::Pending
            && decider.is_some_and(|decider| matches!(states[*decider], TrialState::Pruned(_)))
        {
            states[index] = TrialState::Skipped;
        }
    }
}

/// Maps each variant to the trial that decides about it.
fn deciders(trials: &[PlannedTrial]) -> HashMap<usize, usize> {
    let deciding = trials.iter().enumerate().filter(|(_, trial)| trial.decides);
    deciding.map(|(index, trial)| (trial.variant, index)).collect()
}
