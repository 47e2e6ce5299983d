//! A model in training: steps, predictions and state.

use std::time::Instant;

use super::batch::{Batch, BatchLayout};
use super::device::Device;
use super::error::TrainError;
use super::learner::{Learner, StepTimes};
use super::pending::PendingStep;
use super::predict::predict;
use super::replays::Replays;
use super::schedule::learning_rate;
use super::state::{Counters, LogInterval, TrainingState};
use super::step_runner::StepRunner;
use super::step_runners::step_runner;
use crate::checkpoint::HostTensor;
use crate::models::{Value, read};
use crate::plan::Trial;
use crate::task::Output;
use crate::tokens::Encoded;

/// A model in training.
pub struct Trainer<'a> {
    learner: Learner<'a>,
    runner: Box<dyn StepRunner>,
    /// Steps taken.
    steps: u64,
    /// Micro-batches of all steps so far; this number determines the next dropout masks.
    micro_batches: u64,
}

impl<'a> Trainer<'a> {
    /// A model with these parameters, in parameter-table order, before its first step.
    #[must_use]
    pub fn new(trial: &'a Trial, initial: &[HostTensor], device: &'a Device) -> Self {
        Self::of(Learner::new(trial, initial, device), 0, 0)
    }

    /// Restores the model of an interrupted training run.
    pub(super) fn restored(trial: &'a Trial, state: TrainingState, device: &'a Device) -> Self {
        let Counters { steps, micro_batches, .. } = state.counters;
        Self::of(Learner::restored(trial, state, device), steps, micro_batches)
    }

    fn of(learner: Learner<'a>, steps: u64, micro_batches: u64) -> Self {
        let runner = step_runner(learner.device);
        Self { learner, runner, steps, micro_batches }
    }

    fn trial(&self) -> &'a Trial {
        self.learner.trial
    }

    /// Number of steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The full state needed to resume, including the partial log row.
    pub fn state(&self, log: LogInterval) -> Result<TrainingState, TrainError> {
        let moments = self.learner.optimizer.moments(&self.trial().parameters);
        let (first_moments, second_moments) = moments.map_err(TrainError::Device)?;
        let counters = Counters { steps: self.steps, micro_batches: self.micro_batches, log };
        Ok(TrainingState { parameters: self.parameters()?, first_moments, second_moments, counters })
    }

    /// Runs forward and backward passes over the longest examples, without an update. On a GPU, also over one batch of each shape
    /// in an epoch, to tune the kernels.
    pub fn warm_up(&mut self, examples: &[Encoded], lengths: &[usize]) -> Result<(), TrainError> {
        let mut longest: Vec<usize> = (0..examples.len()).collect();
        longest.sort_by_key(|index| std::cmp::Reverse(lengths[*index]));
        longest.truncate(self.trial().settings.data.batch_size.get());
        let times = self.learner.times;
        let epoch = self.steps / self.trial().steps.per_epoch.max(1);
        let tuning = self.runner.tuning_batches(&self.learner, epoch, lengths);
        for indices in std::iter::once(longest).chain(tuning) {
            let batch = self.batch(examples, &indices)?;
            let (loss, gradients) =
                self.learner.differentiate(&batch, &self.learner.leaves(), 1.0).map_err(TrainError::Device)?;
            drop(gradients);
            // An asynchronous device reports failures only when it is waited for.
            read(loss, "a loss").map_err(TrainError::Device)?;
        }
        self.learner.times = times;
        Ok(())
    }

    /// Takes one optimizer step over micro-batches given as indices into `examples`, without waiting for the device.
    pub fn step(&mut self, examples: &[Encoded], batches: &[Vec<usize>]) -> Result<PendingStep, TrainError> {
        let trial = self.trial();
        let learning_rate = learning_rate(trial.settings.learning_rate, trial.settings.schedule.kind, trial.steps, self.steps);
        let numbers = self.learner.optimizer.next(learning_rate);
        let begun = Instant::now();
        let mut on_device: Vec<Batch> = Vec::with_capacity(batches.len());
        for indices in batches {
            on_device.push(self.batch(examples, indices)?);
            self.micro_batches += 1;
        }
        self.learner.times.data += begun.elapsed();
        let loss_and_norm = self.runner.step(&mut self.learner, &on_device, &numbers).map_err(TrainError::Device)?;
        self.steps += 1;
        let indices = batches.concat();
        let tokens = indices.iter().map(|index| examples[*index].tokens.len() as u64).sum();
        let (step, epoch) = (self.steps, trial.steps.epoch(self.steps));
        Ok(PendingStep { step, epoch, learning_rate, examples: indices, tokens, loss_and_norm })
    }

    /// Builds the training run's next micro-batch from these examples.
    fn batch(&self, examples: &[Encoded], indices: &[usize]) -> Result<Batch, TrainError> {
        let chosen: Vec<&Encoded> = indices.iter().map(|index| &examples[*index]).collect();
        Ok(Batch::to_learn(self.micro_batches, &chosen, self.trial(), self.learner.device)?)
    }

    /// Time spent in all steps so far, by phase.
    #[must_use]
    pub fn times(&self) -> StepTimes {
        self.learner.times
    }

    /// How many steps so far were replays of recorded ones, on a GPU.
    #[must_use]
    pub fn replays(&self) -> Replays {
        self.runner.replays()
    }

    /// The model's outputs for every example, without dropout.
    pub fn predict(&self, examples: &[Encoded]) -> Result<Vec<Output>, TrainError> {
        let inner: Vec<Value> = self.learner.parameters.iter().cloned().map(Value::inner).collect();
        let (trial, device) = (self.trial(), self.learner.device);
        predict(&self.learner.model(&inner)?, examples, trial.settings.data.eval_batch_size, BatchLayout::of(trial), device)
    }

    /// Copies the parameters from the device, in parameter-table order and checkpoint layout.
    pub fn parameters(&self) -> Result<Vec<HostTensor>, TrainError> {
        self.learner.to_host().map_err(TrainError::Device)
    }
}
