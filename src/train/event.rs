//! Training events, as plain data.

use std::time::Duration;

use super::replays::Replays;
use super::state::TrainingState;
use crate::checkpoint::HostTensor;
use crate::task::metrics::Scores;
use crate::task::{Best, Prediction};

/// A training event.
pub enum Event<'a> {
    /// Training starts or resumes.
    Started,
    /// A GPU starts to compile and tune its kernels.
    WarmupStarted,
    /// The kernels are ready.
    WarmupFinished(Duration),
    /// The metrics of a step have been read from the device, possibly some steps later.
    Step(StepEvent),
    /// A log row is due.
    Log(LogRow),
    /// The validation split was evaluated.
    Evaluation(EvaluationEvent<'a>),
    /// A step is complete, including its log row and evaluation.
    Boundary(Boundary<'a>),
    /// All steps are done, on a GPU.
    Finished(Replays),
}

/// One optimizer step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEvent {
    /// Step number, from 1.
    pub step: u64,
    /// Epochs so far, as a fraction.
    pub epoch: f64,
    /// Mean loss over the step's examples, before the update.
    pub loss: f64,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// Global norm of the gradient, before clipping.
    pub grad_norm: f64,
    pub examples: usize,
    /// Number of tokens, without padding.
    pub tokens: u64,
}

/// The steps since the previous log row.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// The last of these steps.
    pub step: u64,
    /// Epochs so far, as a fraction.
    pub epoch: f64,
    /// Examples since the start of training; repeated ones count each time.
    pub examples: u64,
    /// Mean loss over the examples of these steps.
    pub loss: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Gradient norm of the last step.
    pub grad_norm: f64,
    /// Time that these steps took.
    pub elapsed: Duration,
    /// Examples in these steps.
    pub interval_examples: u64,
    /// Tokens in these steps, without padding.
    pub interval_tokens: u64,
}

/// An evaluation on the validation split.
pub struct EvaluationEvent<'a> {
    /// Steps taken so far.
    pub step: u64,
    /// Epochs so far, as a fraction.
    pub epoch: f64,
    pub scores: &'a Scores,
    /// The scores of further validation splits, by split.
    pub further: &'a [(&'a str, Scores)],
    /// One prediction per example, in file order.
    pub predictions: &'a [Prediction],
    /// The best score so far, including this one.
    pub best: &'a Best,
    /// Whether this score is the new best.
    pub improved: bool,
    /// The parameters in parameter-table order and checkpoint layout, if an observer asked for them.
    pub parameters: Option<&'a [HostTensor]>,
}

/// A point between two steps at which training can be saved and stopped.
#[derive(Clone, Copy)]
pub struct Boundary<'a> {
    /// Steps taken so far.
    pub step: u64,
    /// Whether this step ends an epoch.
    pub ends_epoch: bool,
    /// Whether this was the last step.
    pub is_last: bool,
    /// The full state needed to resume, if an observer asked for it.
    pub state: Option<&'a TrainingState>,
}
