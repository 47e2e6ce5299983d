//! The progress of a sweep, in numbers.

use serde::Serialize;

use super::queue::TrialState;
use crate::numbers::counted;

/// The number of a sweep's trials in each state; every trial is in exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StateCounts {
    /// Trials in the plan.
    pub trials: usize,
    /// Finished.
    pub done: usize,
    pub failed: usize,
    /// Stopped early, or not needed because their variant was stopped.
    pub stopped: usize,
    /// Running now, in any process.
    pub running: usize,
    /// Not started, or interrupted.
    pub left: usize,
}

impl StateCounts {
    /// Counts states.
    #[must_use]
    pub fn of(states: &[TrialState]) -> Self {
        let mut counts = Self { trials: states.len(), ..Self::default() };
        for state in states {
            *match state {
                TrialState::Done(_) => &mut counts.done,
                TrialState::Failed(_) => &mut counts.failed,
                TrialState::Pruned(_) | TrialState::Skipped => &mut counts.stopped,
                TrialState::Running => &mut counts.running,
                TrialState::Pending => &mut counts.left,
            } += 1;
        }
        counts
    }

    /// Returns whether nothing is left to do.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.running + self.left == 0
    }

    /// Formats the counts that are not 0: `4 done, 1 failed, 3 left`.
    #[must_use]
    pub fn text(&self) -> String {
        let named = [
            (self.done, "done"),
            (self.failed, "failed"),
            (self.stopped, "stopped early"),
            (self.running, "running"),
            (self.left, "left"),
        ];
        let words: Vec<String> = named.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if words.is_empty() { counted(0, "trial", "trials") } else { words.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_counted_once() {
        let states = [
            TrialState::Done(Some(0.5)),
            TrialState::Done(None),
            TrialState::Failed("no".into()),
            TrialState::Pruned("behind".into()),
            TrialState::Skipped,
            TrialState::Running,
            TrialState::Pending,
        ];
        let counts = StateCounts::of(&states);
        assert_eq!(counts, StateCounts { trials: 7, done: 2, failed: 1, stopped: 2, running: 1, left: 1 });
        assert_eq!(counts.text(), "2 done, 1 failed, 2 stopped early, 1 running, 1 left");
        assert!(!counts.is_finished() && StateCounts::of(&states[..5]).is_finished());
    }
}
