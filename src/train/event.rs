//! What happens in training, as data.

use std::time::Duration;

use super::replays::Replays;
use super::state::TrainingState;
use crate::checkpoint::HostTensor;
use crate::task::metrics::Scores;
use crate::task::{Best, Prediction};

/// Something that happened.
pub enum Event<'a> {
    /// Training begins, or continues.
    Started,
    /// A GPU begins to compile and tune its kernels.
    WarmupStarted,
    /// Its kernels are ready.
    WarmupFinished(Duration),
    /// The metrics of a step have been read from the device, perhaps some steps later.
    Step(StepEvent),
    /// A row of the log is due.
    Log(LogRow),
    /// The validation split was scored.
    Evaluation(EvaluationEvent<'a>),
    /// A step, and everything that belongs to it, is done.
    Boundary(Boundary<'a>),
    /// All steps were taken on a GPU.
    Finished(Replays),
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
    pub examples: usize,
    /// Number of tokens, without padding.
    pub tokens: u64,
}

/// The steps since the row before.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// The last of them.
    pub step: u64,
    /// Passes over the training split so far.
    pub epoch: f64,
    /// Examples since the beginning of training, repeated ones counted each time.
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
    pub scores: &'a Scores,
    /// One for each example, in the file's order.
    pub predictions: &'a [Prediction],
    /// The best score so far, this one included.
    pub best: &'a Best,
    /// Whether it is this one.
    pub improved: bool,
    /// The parameters in the table's order and the file's layout, if an observer wants them.
    pub parameters: Option<&'a [HostTensor]>,
}

/// A point between two steps, where training can be saved and stopped.
#[derive(Clone, Copy)]
pub struct Boundary<'a> {
    /// Steps taken so far.
    pub step: u64,
    /// Whether a pass over the training split ends here.
    pub ends_epoch: bool,
    /// Whether this was the last step.
    pub is_last: bool,
    /// Everything that continuing takes, if an observer wants it.
    pub state: Option<&'a TrainingState>,
}
