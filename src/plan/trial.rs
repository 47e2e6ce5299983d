//! A planned training.

use std::sync::Arc;

use crate::architecture::{Architecture, DropoutProbabilities, Parameter};
use crate::settings::{Interval, Settings};
use crate::task::Task;

/// How many steps training takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Batches in a pass over the training split; the last may be smaller.
    pub batches_per_epoch: u64,
    /// Steps in a pass: batches by accumulation, rounded up.
    pub per_epoch: u64,
    /// Steps in all.
    pub total: u64,
    /// Steps over which the learning rate rises.
    pub warmup: u64,
}

impl Steps {
    /// Passes over the training split until the end of a step, counted from 1.
    #[must_use]
    pub fn epoch(&self, step: u64) -> f64 {
        let (per_epoch, before) = (self.per_epoch.max(1), step.saturating_sub(1));
        (before / per_epoch) as f64 + (before % per_epoch + 1) as f64 / per_epoch as f64
    }

    /// The number of steps after which the validation split is scored.
    #[must_use]
    pub fn between_evaluations(&self, every: Interval) -> u64 {
        match every {
            Interval::Epoch => self.per_epoch,
            Interval::Steps(steps) => steps.get(),
        }
    }
}

/// One planned training: settings, and what follows from them and the facts.
#[derive(Clone, Debug)]
pub struct Trial {
    /// As written and merged, with every default filled in.
    pub settings: Settings,
    /// What is learned.
    pub task: Task,
    /// The encoder.
    pub architecture: Architecture,
    /// Every parameter of encoder and head, in the order of torch's `named_parameters()`.
    pub parameters: Arc<[Parameter]>,
    /// Longer inputs are truncated to this many tokens.
    pub max_length: usize,
    /// Dropout probabilities.
    pub dropout: DropoutProbabilities,
    /// Training examples used.
    pub train_examples: usize,
    /// Validation examples used.
    pub validation_examples: usize,
    pub steps: Steps,
    /// Further steps after which the validation split is scored: there a sweep compares its trials.
    pub rungs: Vec<u64>,
}

impl Trial {
    /// Whether the validation split is scored after this step.
    #[must_use]
    pub fn evaluates_after(&self, step: u64) -> bool {
        let every = self.steps.between_evaluations(self.settings.evaluation.every);
        step == self.steps.total || step.is_multiple_of(every) || self.rungs.contains(&step)
    }

    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(Parameter::elements).sum()
    }

    /// How often the validation split is scored.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        let (total, every) = (self.steps.total, self.steps.between_evaluations(self.settings.evaluation.every).max(1));
        let more = |step: &&u64| (1..total).contains(*step) && !step.is_multiple_of(every);
        total.div_ceil(every) + self.rungs.iter().filter(more).count() as u64
    }
}
