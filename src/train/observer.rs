//! Observers, which follow a training run and may stop it.

use std::ops::ControlFlow;

use anyhow::Result;

use super::error::TrainError;
use super::event::{Boundary, EvaluationEvent, Event};

/// Why training ends before its last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The user interrupted it; the state is saved.
    Interrupted {
        /// Steps taken.
        step: u64,
    },
    /// The trial was worse than the others of its sweep.
    Pruned {
        /// Steps taken.
        step: u64,
        /// The scores that it was compared with.
        reason: String,
    },
}

/// Follows a training run.
pub trait Observer {
    /// Whether the observer needs the parameters at this evaluation. If so, the event includes them; reading them from the device
    /// takes time.
    fn wants_parameters(&mut self, _: &EvaluationEvent<'_>) -> bool {
        false
    }

    /// Whether the observer needs the training state at this boundary. If so, the event includes it; reading it from the device
    /// takes time.
    fn wants_state(&mut self, _: &Boundary<'_>) -> bool {
        false
    }

    /// Called for each event, in order. [`ControlFlow::Break`] ends training here.
    ///
    /// # Errors
    /// Whatever keeps the observer from doing its work, such as a full disk; this ends training, too.
    fn observe(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>>;
}

/// All observers of a training run.
pub struct Observers<'a, 'o>(pub &'a mut [&'o mut dyn Observer]);

impl Observers<'_, '_> {
    /// Whether any observer needs the parameters at this evaluation.
    pub fn want_parameters(&mut self, evaluation: &EvaluationEvent<'_>) -> bool {
        let mut wanted = false;
        // No short-circuiting: every observer is asked.
        for observer in self.0.iter_mut() {
            wanted |= observer.wants_parameters(evaluation);
        }
        wanted
    }

    /// Whether any observer needs the training state at this boundary.
    pub fn want_state(&mut self, boundary: &Boundary<'_>) -> bool {
        let mut wanted = false;
        for observer in self.0.iter_mut() {
            wanted |= observer.wants_state(boundary);
        }
        wanted
    }

    /// Sends an event to every observer. If several want to stop, the first one's reason counts.
    pub fn send(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>, TrainError> {
        let mut flow = ControlFlow::Continue(());
        for observer in self.0.iter_mut() {
            let answer = observer.observe(event).map_err(TrainError::Observer)?;
            if flow.is_continue() {
                flow = answer;
            }
        }
        Ok(flow)
    }
}
