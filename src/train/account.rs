//! What steps have computed, until it is read from the device and told.
//!
//! An accelerator works behind the program's back. To ask it for a number is to wait until it has done all it was told,
//! and then to let it wait for more, so that the numbers of several steps are read at once.

use std::time::{Duration, Instant};

use anyhow::Result;
use burn::tensor::Tensor;

use super::event::{Diverged, StepEvent};
use super::log::Log;
use crate::models::read;

/// A step whose loss and gradient norm the device may still be computing.
#[derive(Debug)]
pub struct Taken {
    /// Its number, from 1.
    pub step: u64,
    /// The learning rate that it used.
    pub learning_rate: f64,
    /// Its examples: indices into the training split.
    pub examples: Vec<usize>,
    /// Their tokens, without padding.
    pub tokens: u64,
    /// Mean loss over its examples, and the global norm of the gradient: `[2]`.
    pub numbers: Tensor<1>,
}

impl Taken {
    /// Waits for the device and reads the numbers of these steps, each with the passes over the training split until it.
    ///
    /// # Errors
    /// [`Diverged`] for the first step whose numbers are not finite, or the device failed.
    pub fn read(steps: Vec<(Self, f64)>) -> Result<Vec<StepEvent>> {
        let numbers = steps.iter().map(|(step, _)| step.numbers.clone()).collect::<Vec<_>>();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = read(Tensor::cat(numbers, 0), "losses and norms")?;
        let pairs = steps.into_iter().zip(numbers.chunks_exact(2));
        pairs.map(|((step, epoch), pair)| step.event(epoch, pair[0].into(), pair[1].into())).collect()
    }

    /// Waits for the device and reads this step's numbers alone.
    ///
    /// # Errors
    /// As [`Taken::read`].
    pub fn wait(self) -> Result<()> {
        Self::read(vec![(self, 0.0)]).map(drop)
    }

    fn event(self, epoch: f64, loss: f64, grad_norm: f64) -> Result<StepEvent> {
        let Self { step, learning_rate, examples, tokens, .. } = self;
        for (quantity, value) in [("loss", loss), ("gradient norm", grad_norm)] {
            if !value.is_finite() {
                return Err(Diverged { step, quantity, value, learning_rate, examples }.into());
            }
        }
        Ok(StepEvent { step, epoch, loss, learning_rate, grad_norm, examples: examples.len(), tokens })
    }
}

/// The steps of a training that were not read or not told yet.
pub struct Account {
    /// What the next row of the log is made of.
    pub log: Log,
    unread: Vec<(Taken, f64)>,
    untold: Vec<StepEvent>,
    settled: Instant,
}

impl Account {
    /// So many steps are read at the latest, after so much time: whoever looks on wants to see something.
    const PATIENCE: (usize, Duration) = (64, Duration::from_secs(1));

    /// Goes on with a log.
    pub fn new(log: Log) -> Self {
        Self { log, unread: Vec::new(), untold: Vec::new(), settled: Instant::now() }
    }

    /// Adds a step, and the passes over the training split until it.
    pub fn add(&mut self, step: Taken, epoch: f64) {
        self.unread.push((step, epoch));
    }

    /// Whether steps should not wait any longer.
    pub fn is_due(&self) -> bool {
        self.unread.len() >= Self::PATIENCE.0 || self.settled.elapsed() >= Self::PATIENCE.1
    }

    /// Reads what is there to read, and adds it to the log.
    ///
    /// # Errors
    /// As [`Taken::read`].
    pub fn settle(&mut self) -> Result<()> {
        for event in Taken::read(std::mem::take(&mut self.unread))? {
            self.log.add(&event);
            self.untold.push(event);
        }
        self.settled = Instant::now();
        Ok(())
    }

    /// What was read and not told yet.
    pub fn tell(&mut self) -> Vec<StepEvent> {
        std::mem::take(&mut self.untold)
    }
}
