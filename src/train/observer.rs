//! Who follows a training, and may stop it.

use std::ops::ControlFlow;

use anyhow::Result;

use super::error::TrainError;
use super::event::{Boundary, EvaluationEvent, Event};

/// Why training ends before its last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked; the state is saved.
    Interrupted {
        /// Steps taken.
        step: u64,
    },
    /// The trial fell behind the others of its sweep.
    Pruned {
        /// Steps taken.
        step: u64,
        /// The scores that it fell behind.
        reason: String,
    },
}

/// Something that follows a training.
pub trait Observer {
    /// Whether the observer needs the parameters at this evaluation, which are then in the event. Reading them from the
    /// device takes time.
    fn wants_parameters(&mut self, _: &EvaluationEvent<'_>) -> bool {
        false
    }

    /// Whether the observer needs the state at this boundary, which is then in the event. Reading it from the device takes
    /// time.
    fn wants_state(&mut self, _: &Boundary<'_>) -> bool {
        false
    }

    /// Called for each event, in order. With [`ControlFlow::Break`], training ends here.
    ///
    /// # Errors
    /// Whatever keeps the observer from doing its part, such as a full disk; training ends here, too.
    fn observe(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>>;
}

/// All observers of a training.
pub struct Observers<'a, 'o>(pub &'a mut [&'o mut dyn Observer]);

impl Observers<'_, '_> {
    /// Whether one of them needs the parameters at this evaluation.
    pub fn want_parameters(&mut self, evaluation: &EvaluationEvent<'_>) -> bool {
        let mut wanted = false;
        // Every observer is asked.
        for observer in self.0.iter_mut() {
            wanted |= observer.wants_parameters(evaluation);
        }
        wanted
    }

    /// Whether one of them needs the state at this boundary.
    pub fn want_state(&mut self, boundary: &Boundary<'_>) -> bool {
        let mut wanted = false;
        for observer in self.0.iter_mut() {
            wanted |= observer.wants_state(boundary);
        }
        wanted
    }

    /// Hands an event to each of them; the first that wants to stop decides why.
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
