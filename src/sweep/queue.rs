//! Which trial is next: a pure function of the plan and of what has become of its trials.

use super::plan::PlannedTrial;

/// What has become of a trial.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Not begun, or interrupted.
    Waiting,
    /// Running, here or in another process.
    Running,
    /// At its end, with this score.
    Done(Option<f64>),
    /// Stopped at a rung.
    Pruned(String),
    /// Failed, for this reason.
    Failed(String),
    /// Not needed any more: its variant was stopped.
    Dropped,
}

impl State {
    /// Whether nothing more will happen to the trial.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Start the trial of this index.
    Start(usize),
    /// Nothing can start before something ends.
    Wait,
    /// Everything has ended.
    Nothing,
}

/// The first trial in the order of the plan that can start.
///
/// A trial whose variant is still being decided upon waits for that; with its variant stopped, it is dropped.
#[must_use]
pub fn next(trials: &[PlannedTrial], states: &mut [State]) -> Next {
    let mut waits = false;
    for index in 0..trials.len() {
        if states[index] == State::Running {
            waits = true;
        }
        if states[index] != State::Waiting {
            continue;
        }
        let trial = &trials[index];
        let decider =
            (0..trials.len()).find(|other| trials[*other].decides && trials[*other].variant == trial.variant && *other != index);
        match decider.filter(|_| !trial.decides).map(|decider| &states[decider]) {
            Some(State::Pruned(_)) => states[index] = State::Dropped,
            Some(State::Waiting | State::Running) => waits = true,
            _ => return Next::Start(index),
        }
    }
    if waits { Next::Wait } else { Next::Nothing }
}
