//! The loop: forward, loss, backward, update, and what is told about it.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use burn::tensor::Tensor;

use super::account::{Account, Taken};
use super::batch::{Batch, Padding};
use super::device::Device;
use super::evaluate::predict;
use super::event::{Boundary, Diverged, EvaluationEvent, Event, Observer};
use super::log::Log;
use super::loss::cross_entropy;
use super::optimizer::{AdamW, GradientSum, clip_factor};
use super::order::batches;
#[cfg(feature = "gpu")]
use super::recordings::Recordings;
use super::replays::Replays;
use super::schedule::learning_rate;
use super::state::{Counters, Interval, Start, TrainingState};
use super::step::Numbers;
use crate::checkpoint::{HostTensor, Parameter, Role, table};
use crate::metrics::{Prediction, Scores};
use crate::models::{Bert, Masks, Value};
use crate::plan::Trial;
use crate::settings::Precision;
use crate::tokens::Encoded;

/// Trains as `trial` says and tells `observer` what happens.
///
/// # Errors
/// [`Diverged`]; the device failed; or the observer refused to go on.
pub fn train(
    trial: &Trial,
    start: Start<'_>,
    examples: &[Encoded],
    validation: &[Encoded],
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<()> {
    let (mut trainer, interval) = match start {
        Start::Fresh(parameters) => (Trainer::new(trial, parameters, device), Interval::default()),
        Start::From(state) => {
            let interval = state.counters.log.clone();
            (Trainer::restored(trial, state, device), interval)
        }
    };
    let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
    if trainer.steps < trial.steps.total {
        let begun = Instant::now();
        if device.is_gpu() {
            observer.observe(&Event::WarmingUp)?;
        }
        trainer.warm_up(examples, &lengths)?;
        if device.is_gpu() {
            observer.observe(&Event::WarmedUp(begun.elapsed()))?;
        }
    }
    // The state is taken by whoever listens, and takes the log along.
    let account = RefCell::new(Account::new(Log::new(interval)));
    let (data, steps) = (&trial.settings.data, trial.steps);
    for epoch in trainer.steps / steps.per_epoch.max(1).. {
        let batches = batches(data, trial.settings.seed, epoch, &lengths);
        let groups = batches.chunks(trial.settings.training.gradient_accumulation.get()).enumerate();
        // A training that goes on has these steps behind it.
        let taken = trainer.steps - epoch * steps.per_epoch;
        for (group, accumulated) in groups.skip(usize::try_from(taken).unwrap_or(usize::MAX)) {
            if trainer.steps == steps.total {
                return if device.is_gpu() { observer.observe(&Event::Replayed(trainer.replays())) } else { Ok(()) };
            }
            let passed = epoch as f64 + (group + 1) as f64 / steps.per_epoch as f64;
            account.borrow_mut().add(trainer.step(examples, accumulated)?, passed);
            let is_last = trainer.steps == steps.total;
            let logs = is_last || trainer.steps.is_multiple_of(trial.settings.logging.every.get());
            let evaluates = trial.evaluates_after(trainer.steps);
            if logs || evaluates || !device.works_behind() || account.borrow().is_due() {
                account.borrow_mut().settle()?;
            }
            let told = account.borrow_mut().tell();
            for event in &told {
                observer.observe(&Event::Step(event.clone()))?;
            }
            if let Some(last) = told.last().filter(|_| logs) {
                let row = account.borrow_mut().log.row(last);
                observer.observe(&Event::Log(row))?;
            }
            if evaluates {
                let paused = Instant::now();
                trainer.evaluate(validation, passed, observer)?;
                account.borrow_mut().log.skip(paused.elapsed());
            }
            let paused = Instant::now();
            let boundary = Boundary {
                step: trainer.steps,
                ends_epoch: trainer.steps.is_multiple_of(steps.per_epoch),
                is_last,
                state: &|| {
                    account.borrow_mut().settle()?;
                    trainer.state(account.borrow().log.interval())
                },
            };
            observer.observe(&Event::Boundary(boundary))?;
            account.borrow_mut().log.skip(paused.elapsed());
        }
    }
    Ok(())
}

/// A model in training.
pub struct Trainer<'a> {
    pub(super) trial: &'a Trial,
    pub(super) device: &'a Device,
    table: Vec<Parameter>,
    pub(super) parameters: Vec<Value>,
    pub(super) optimizer: AdamW,
    /// Steps taken.
    pub(super) steps: u64,
    last_learning_rate: f64,
    /// Batches learnt from: the place of the next dropout masks.
    micro_batches: u64,
    spent: Spent,
    #[cfg(feature = "gpu")]
    pub(super) recordings: Recordings,
}

/// Where the time of steps goes; on an accelerator, which works behind the program's back, only the sum is right.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Building batches.
    pub data: Duration,
    /// Forward, to the loss.
    pub forward: Duration,
    /// Backward.
    pub backward: Duration,
    /// Gradient norm, clipping and the optimizer.
    pub update: Duration,
}

impl<'a> Trainer<'a> {
    /// A model with these parameters, in the table's order, that has learnt nothing yet.
    #[must_use]
    pub fn new(trial: &'a Trial, initial: &[HostTensor], device: &'a Device) -> Self {
        let table = table(&trial.config, trial.settings.task.task().labels.len());
        let place = &device.differentiating();
        let parameters = table.iter().zip(initial).map(|(entry, tensor)| Value::from_host(tensor, entry.role, place)).collect();
        let optimizer =
            AdamW::new(&trial.settings.optimizer, table.iter().map(|parameter| parameter.name.clone()), device.kernels());
        Self {
            trial,
            device,
            table,
            parameters,
            optimizer,
            steps: 0,
            last_learning_rate: 0.0,
            micro_batches: 0,
            spent: Spent::default(),
            #[cfg(feature = "gpu")]
            recordings: Recordings::on(device),
        }
    }

    /// The model of a training that was interrupted.
    fn restored(trial: &'a Trial, state: TrainingState, device: &'a Device) -> Self {
        let mut trainer = Self::new(trial, &state.parameters, device);
        trainer.steps = state.counters.steps;
        trainer.micro_batches = state.counters.micro_batches;
        trainer.optimizer.restore(&trainer.table, state, device);
        trainer
    }

    /// Everything that going on takes.
    fn state(&self, log: Interval) -> Result<TrainingState> {
        let (first_moments, second_moments) = self.optimizer.moments(&self.table)?;
        let counters = Counters { steps: self.steps, micro_batches: self.micro_batches, log };
        Ok(TrainingState { parameters: self.parameters()?, first_moments, second_moments, counters })
    }

    /// Goes forward and backward over the longest examples, and learns nothing: memory that is too small for them shows
    /// before hours of training. On a GPU also over one batch of each shape of an epoch, which tunes its kernels.
    pub(super) fn warm_up(&mut self, examples: &[Encoded], lengths: &[usize]) -> Result<()> {
        let mut longest: Vec<usize> = (0..examples.len()).collect();
        longest.sort_by_key(|index| std::cmp::Reverse(lengths[*index]));
        longest.truncate(self.trial.settings.data.batch_size.get());
        let (micro_batches, spent) = (self.micro_batches, self.spent);
        let batch = self.batch(examples, &longest);
        let (loss, gradients) = self.differentiate(&batch, &self.leaves(), 1.0);
        drop(gradients);
        #[cfg(feature = "gpu")]
        self.tune(examples, lengths);
        // An accelerator works behind the program's back: its answer is waited for.
        loss.try_into_data().map_err(|error| anyhow!("the device failed: {error:?}"))?;
        (self.micro_batches, self.spent) = (micro_batches, spent);
        Ok(())
    }

    /// One optimizer step over the given batches of indices into `examples`. Nothing is waited for.
    ///
    /// # Errors
    /// No example has a part in it.
    pub fn step(&mut self, examples: &[Encoded], accumulated: &[Vec<usize>]) -> Result<Taken> {
        let settings = &self.trial.settings;
        let learning_rate = learning_rate(settings.learning_rate, settings.schedule.kind, self.trial.steps, self.steps);
        let numbers = self.optimizer.next(learning_rate);
        let batches: Vec<Batch> = accumulated.iter().map(|indices| self.batch(examples, indices)).collect();
        let told = self.take(&batches, &numbers)?;
        self.steps += 1;
        self.last_learning_rate = learning_rate;
        let indices = accumulated.concat();
        let tokens = indices.iter().map(|index| examples[*index].tokens.len() as u64).sum();
        Ok(Taken { step: self.steps, learning_rate, examples: indices, tokens, numbers: told })
    }

    #[cfg(not(feature = "gpu"))]
    fn take(&mut self, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        self.compute(batches, numbers)
    }

    /// Some examples, as the training's next batch.
    pub(super) fn batch(&mut self, examples: &[Encoded], indices: &[usize]) -> Batch {
        let begun = Instant::now();
        let chosen: Vec<&Encoded> = indices.iter().map(|index| &examples[*index]).collect();
        let batch = Batch::at(self.micro_batches, &chosen, Padding::of(self.trial), self.device);
        self.micro_batches += 1;
        self.spent.data += begun.elapsed();
        batch
    }

    /// Learns from batches in one step: their mean loss, and the gradient's norm.
    pub(super) fn compute(&mut self, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        let examples: usize = batches.iter().map(|batch| batch.labels.len()).sum();
        let mut sum: Option<(Tensor<1>, GradientSum)> = None;
        let leaves = self.leaves();
        for batch in batches {
            let (loss, gradients) = self.differentiate(batch, &leaves, batch.labels.len() as f64 / examples as f64);
            sum = Some(match sum {
                None => (loss, gradients),
                Some((losses, earlier)) => (losses + loss, earlier.plus(gradients)),
            });
        }
        drop(leaves);
        let (loss, gradients) = sum.ok_or_else(|| anyhow!("a step without examples"))?;
        let begun = Instant::now();
        let grad_norm = gradients.norm(self.device.kernels()).ok_or_else(|| anyhow!("no parameter has a gradient"))?;
        let clip = clip_factor(&grad_norm, self.trial.settings.optimizer.max_grad_norm);
        // Nothing else holds the parameters now, so they can be changed in place.
        self.parameters = self.optimizer.step(std::mem::take(&mut self.parameters), gradients, numbers, clip);
        let told = Tensor::cat(vec![loss, grad_norm], 0);
        self.spent.update += begun.elapsed();
        Ok(told)
    }

    /// What a step reads: the parameters, and in their place the weights that products round, rounded once for all of its
    /// batches.
    pub(super) fn leaves(&self) -> Vec<Value> {
        let rounds = self.trial.settings.training.precision == Precision::Bf16;
        let leaf = |(value, entry): (&Value, &Parameter)| match entry.role {
            Role::Linear if rounds => value.clone().inner().rounded().autodiff().tracked(),
            _ => value.clone(),
        };
        self.parameters.iter().zip(&self.table).map(leaf).collect()
    }

    /// The loss of a batch, scaled by its share of the step, and its gradients.
    pub(super) fn differentiate(&mut self, batch: &Batch, leaves: &[Value], share: f64) -> (Tensor<1>, GradientSum) {
        let masks = Masks::training(self.trial.dropout, self.trial.settings.seed, batch.turn);
        let begun = Instant::now();
        let logits = self.model(leaves).forward(&batch.input, masks);
        let loss = cross_entropy(logits, batch, share);
        self.spent.forward += begun.elapsed();
        let begun = Instant::now();
        let mut gradients = loss.backward();
        self.spent.backward += begun.elapsed();
        (loss.inner(), GradientSum::take(leaves, &mut gradients, &batch.input))
    }

    fn model(&self, parameters: &[Value]) -> Bert {
        Bert::new(&self.trial.config, parameters.iter().cloned(), self.trial.settings.training.precision)
    }

    /// Where the time of all steps so far went.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// How many steps so far were replays of recorded ones, on a GPU.
    #[must_use]
    pub fn replays(&self) -> Replays {
        #[cfg(feature = "gpu")]
        return self.recordings.replays();
        #[cfg(not(feature = "gpu"))]
        Replays::default()
    }

    /// Predictions for every example, without dropout.
    ///
    /// # Errors
    /// The device failed.
    pub fn predict(&self, examples: &[Encoded]) -> Result<Vec<Prediction>> {
        let inner: Vec<Value> = self.parameters.iter().cloned().map(Value::inner).collect();
        predict(&self.model(&inner), self.trial, examples, self.device)
    }

    /// Copies the parameters from the device, in the table's order and the file's layout.
    ///
    /// # Errors
    /// The device failed.
    pub fn parameters(&self) -> Result<Vec<HostTensor>> {
        self.parameters.iter().zip(&self.table).map(|(value, entry)| value.clone().inner().to_host(entry.role)).collect()
    }

    fn evaluate(&self, validation: &[Encoded], epoch: f64, observer: &mut dyn Observer) -> Result<()> {
        let predictions = self.predict(validation)?;
        let scores = Scores::of(&predictions, self.trial.settings.task.task().metrics);
        let parameters = || self.parameters();
        if !scores.loss.is_finite() {
            let learning_rate = self.last_learning_rate;
            return Err(Diverged {
                step: self.steps,
                quantity: "validation loss",
                value: scores.loss,
                learning_rate,
                examples: Vec::new(),
            }
            .into());
        }
        let event =
            EvaluationEvent { step: self.steps, epoch, scores: &scores, predictions: &predictions, parameters: &parameters };
        observer.observe(&Event::Evaluation(event))
    }
}
