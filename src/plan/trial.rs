//! A planned training run.

use std::sync::Arc;

use super::TrainingLoss;
use crate::architecture::{Architecture, DropoutProbabilities, Parameter};
use crate::settings::{Interval, Precision, Settings};
use crate::task::Task;

/// Number of training steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Batches per epoch; the last one may be smaller.
    pub batches_per_epoch: u64,
    /// Steps per epoch: batches divided by gradient accumulation, rounded up.
    pub per_epoch: u64,
    /// Total number of steps.
    pub total: u64,
    /// Number of warmup steps, during which the learning rate rises.
    pub warmup: u64,
}

impl Steps {
    /// The number of epochs at the end of a step, as a fraction; steps count from 1.
    #[must_use]
    pub fn epoch(&self, step: u64) -> f64 {
        let (per_epoch, before) = (self.per_epoch.max(1), step.saturating_sub(1));
        (before / per_epoch) as f64 + (before % per_epoch + 1) as f64 / per_epoch as f64
    }

    /// The number of steps between evaluations on the validation split.
    #[must_use]
    pub fn between_evaluations(&self, every: Interval) -> u64 {
        match every {
            Interval::Epoch => self.per_epoch,
            Interval::Steps(steps) => steps.get(),
        }
    }
}

/// One planned training run: the settings, and everything derived from them and the facts.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The settings as written and merged, with all defaults filled in.
    pub settings: Settings,
    /// The task to train on.
    pub task: Task,
    /// The encoder.
    pub architecture: Architecture,
    /// Every parameter of the encoder and the head, in the order of torch's `named_parameters()`.
    pub parameters: Arc<[Parameter]>,
    /// The loss, with the weight of every class.
    pub loss: TrainingLoss,
    /// Maximum number of tokens; longer inputs are truncated.
    pub max_length: usize,
    /// Number format of the matrix products.
    pub precision: Precision,
    /// Dropout probabilities.
    pub dropout: DropoutProbabilities,
    /// Number of training examples used.
    pub train_examples: usize,
    /// Number of validation examples used.
    pub validation_examples: usize,
    pub steps: Steps,
    /// Additional evaluation steps, at which a sweep compares its trials.
    pub rungs: Vec<u64>,
}

impl Trial {
    /// Whether the validation split is evaluated after this step.
    #[must_use]
    pub fn evaluates_after(&self, step: u64) -> bool {
        let every = self.steps.between_evaluations(self.settings.evaluation.every);
        step == self.steps.total || step.is_multiple_of(every) || self.rungs.contains(&step)
    }

    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(Parameter::elements).sum()
    }

    /// Total number of evaluations on the validation split.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        let (total, every) = (self.steps.total, self.steps.between_evaluations(self.settings.evaluation.every).max(1));
        let more = |step: &&u64| (1..total).contains(*step) && !step.is_multiple_of(every);
        total.div_ceil(every) + self.rungs.iter().filter(more).count() as u64
    }
}
