//! Steps whose loss and gradient norm have not been read from the device yet.
//!
//! An accelerator works asynchronously. Reading a value waits until it has finished all queued work, and leaves it idle until
//! more arrives; the values of several steps are therefore read together.

use std::time::{Duration, Instant};

use burn::tensor::Tensor;

use super::error::{Diverged, TrainError};
use super::event::StepEvent;
use crate::models::read;

/// A step whose loss and gradient norm the device may still be computing.
#[derive(Debug)]
pub struct PendingStep {
    /// Step number, from 1.
    pub step: u64,
    /// Epochs at the end of the step, as a fraction.
    pub epoch: f64,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// The step's examples, as indices into the training split.
    pub examples: Vec<usize>,
    /// Number of tokens, without padding.
    pub tokens: u64,
    /// Mean loss over the examples, and the global gradient norm: `[2]`.
    pub loss_and_norm: Tensor<1>,
}

impl PendingStep {
    /// Waits for the device and reads the loss and the gradient norm of these steps.
    ///
    /// # Errors
    /// [`Diverged`] for the first step with a non-finite value; otherwise, the device failed.
    pub fn read(steps: Vec<Self>) -> Result<Vec<StepEvent>, TrainError> {
        let numbers = steps.iter().map(|step| step.loss_and_norm.clone()).collect::<Vec<_>>();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = read(Tensor::cat(numbers, 0), "losses and norms").map_err(TrainError::Device)?;
        let pairs = steps.into_iter().zip(numbers.chunks_exact(2));
        pairs.map(|(step, pair)| Ok(step.event(pair[0].into(), pair[1].into())?)).collect()
    }

    /// Waits for the device and reads this step alone.
    pub fn wait(self) -> Result<(), TrainError> {
        Self::read(vec![self]).map(drop)
    }

    fn event(self, loss: f64, grad_norm: f64) -> Result<StepEvent, Diverged> {
        let Self { step, epoch, learning_rate, examples, tokens, .. } = self;
        for (quantity, value) in [("loss", loss), ("gradient norm", grad_norm)] {
            if !value.is_finite() {
                return Err(Diverged { step, quantity, value, learning_rate, examples });
            }
        }
        Ok(StepEvent { step, epoch, loss, learning_rate, grad_norm, examples: examples.len(), tokens })
    }
}

/// The steps of a training run that have not been read yet.
pub struct PendingSteps {
    steps: Vec<PendingStep>,
    last_read: Instant,
}

impl PendingSteps {
    /// Maximum number of steps read together, so that the progress bar keeps moving.
    const MOST: usize = 64;
    /// Maximum time between two reads.
    const INTERVAL: Duration = Duration::from_secs(1);

    /// Starts with no pending steps.
    pub fn new() -> Self {
        Self { steps: Vec::new(), last_read: Instant::now() }
    }

    pub fn push(&mut self, step: PendingStep) {
        self.steps.push(step);
    }

    /// Number of pending steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether the steps should be read now, even if nothing needs their values yet.
    pub fn is_due(&self) -> bool {
        self.steps.len() >= Self::MOST || self.last_read.elapsed() >= Self::INTERVAL
    }

    /// Reads all pending steps.
    pub fn read(&mut self) -> Result<Vec<StepEvent>, TrainError> {
        let events = PendingStep::read(std::mem::take(&mut self.steps));
        self.last_read = Instant::now();
        events
    }
}
