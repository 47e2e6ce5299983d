//! What happens in training, for whoever listens.

use std::time::Duration;

use anyhow::Result;

use super::replays::Replays;
use super::state::TrainingState;
use crate::checkpoint::HostTensor;
use crate::task::Prediction;
use crate::task::metrics::Scores;

/// Something that happened.
pub enum Event<'a> {
    /// Nothing was learnt yet: a device that compiles what it runs is about to begin with it.
    WarmingUp,
    /// It is done, after so much time.
    WarmedUp(Duration),
    /// Nothing is left to learn: so many steps were replays of recorded ones, on a device that records.
    Replayed(Replays),
    /// A step was taken, perhaps some steps ago: its numbers are read when the device has them.
    Step(StepEvent),
    /// A row of the log is due.
    Log(LogRow),
    /// The validation split was scored.
    Evaluation(EvaluationEvent<'a>),
    /// A step, and everything that belongs to it, is done: training can be saved here, and stopped.
    Boundary(Boundary<'a>),
}

/// One optimizer step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEvent {
    /// Its number, from 1.
    pub step: u64,
    /// Passes over the training split so far.
    pub epoch: f64,
    /// Mean loss over the step's examples, before the update.
    pub loss: f64,
    /// The learning rate that it used.
    pub learning_rate: f64,
    /// Global norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Examples in the step.
    pub examples: usize,
    /// Their tokens, without padding.
    pub tokens: u64,
}

/// The steps since the row before.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// The last of them.
    pub step: u64,
    /// Passes over the training split so far.
    pub epoch: f64,
    /// Examples learnt from so far.
    pub examples: u64,
    /// Mean loss over the examples of these steps.
    pub loss: f64,
    /// Learning rate of the last of them.
    pub learning_rate: f64,
    /// Gradient norm of the last of them.
    pub grad_norm: f64,
    /// Time that these steps took.
    pub elapsed: Duration,
    /// Examples in these steps.
    pub interval_examples: u64,
    /// Tokens in these steps, without padding.
    pub interval_tokens: u64,
}

/// A scored validation split.
pub struct EvaluationEvent<'a> {
    /// Steps taken so far.
    pub step: u64,
    /// Passes over the training split so far.
    pub epoch: f64,
    /// The scores.
    pub scores: &'a Scores,
    /// One for each example, in the file's order.
    pub predictions: &'a [Prediction],
    /// Reads the parameters from the device, in the order of [`crate::architecture::Architecture::parameters`].
    pub parameters: &'a dyn Fn() -> Result<Vec<HostTensor>>,
}

/// A point between two steps.
pub struct Boundary<'a> {
    /// Steps taken so far.
    pub step: u64,
    /// Whether a pass over the training split ends here.
    pub ends_epoch: bool,
    /// Whether no step is left.
    pub is_last: bool,
    /// Reads everything from the device that going on takes.
    pub state: &'a dyn Fn() -> Result<TrainingState>,
}

/// Something that listens to training.
pub trait Observer {
    /// Called for each event, in order. An error ends the training.
    ///
    /// # Errors
    /// Whatever keeps the observer from doing its part, such as a full disk.
    fn observe(&mut self, event: &Event<'_>) -> Result<()>;
}

/// The loss or the gradient was no longer a finite number.
#[derive(Debug, thiserror::Error)]
#[error("training diverged at step {step}: the {quantity} is {value} (learning rate {learning_rate:e}{})", batch(.examples))]
pub struct Diverged {
    /// The step.
    pub step: u64,
    /// `loss` or `gradient norm`.
    pub quantity: &'static str,
    /// What it was.
    pub value: f64,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// The batch: indices into the training split.
    pub examples: Vec<usize>,
}

fn batch(examples: &[usize]) -> String {
    const SHOWN: usize = 32;
    match examples.len() {
        0 => String::new(),
        1..=SHOWN => format!(", batch of the training examples {examples:?}"),
        more => format!(", batch of {more} training examples that begins with {:?}", &examples[..SHOWN]),
    }
}
