//! The loop, and what is told about it.

use std::cell::RefCell;
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::account::{Account, Taken};
use super::batch::{Batch, Padding};
use super::device::Device;
use super::evaluate::predict;
use super::event::{Boundary, Diverged, EvaluationEvent, Event, Observer};
use super::learner::{Learner, Spent};
use super::log::Log;
use super::order::batches;
use super::recordings::{Recordings, one_of_each_shape};
use super::replays::Replays;
use super::schedule::learning_rate;
use super::state::{Counters, Interval, Start, TrainingState};
use crate::checkpoint::HostTensor;
use crate::models::{Value, read};
use crate::plan::Trial;
use crate::task::metrics::Scores;
use crate::task::{Output, Prediction};
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
    learner: Learner<'a>,
    recordings: Recordings,
    /// Steps taken.
    steps: u64,
    last_learning_rate: f64,
    /// Batches learnt from: the place of the next dropout masks.
    micro_batches: u64,
}

impl<'a> Trainer<'a> {
    /// A model with these parameters, in the table's order, that has learnt nothing yet.
    #[must_use]
    pub fn new(trial: &'a Trial, initial: &[HostTensor], device: &'a Device) -> Self {
        Self::of(Learner::new(trial, initial, device), 0, 0)
    }

    /// The model of a training that was interrupted.
    fn restored(trial: &'a Trial, state: TrainingState, device: &'a Device) -> Self {
        let Counters { steps, micro_batches, .. } = state.counters;
        Self::of(Learner::restored(trial, state, device), steps, micro_batches)
    }

    fn of(learner: Learner<'a>, steps: u64, micro_batches: u64) -> Self {
        let recordings = Recordings::on(learner.device);
        Self { learner, recordings, steps, last_learning_rate: 0.0, micro_batches }
    }

    fn trial(&self) -> &'a Trial {
        self.learner.trial
    }

    /// Everything that going on takes.
    fn state(&self, log: Interval) -> Result<TrainingState> {
        let (first_moments, second_moments) = self.learner.optimizer.moments(&self.learner.trial.parameters)?;
        let counters = Counters { steps: self.steps, micro_batches: self.micro_batches, log };
        Ok(TrainingState { parameters: self.parameters()?, first_moments, second_moments, counters })
    }

    /// Goes forward and backward over the longest examples, and learns nothing: memory that is too small for them shows
    /// before hours of training. On a GPU also over one batch of each shape of an epoch, which tunes its kernels.
    pub(super) fn warm_up(&mut self, examples: &[Encoded], lengths: &[usize]) -> Result<()> {
        let mut longest: Vec<usize> = (0..examples.len()).collect();
        longest.sort_by_key(|index| std::cmp::Reverse(lengths[*index]));
        longest.truncate(self.trial().settings.data.batch_size.get());
        let spent = self.learner.spent;
        let epoch = self.steps / self.trial().steps.per_epoch.max(1);
        let of_each_shape = one_of_each_shape(self.trial(), epoch, lengths, self.learner.device);
        for indices in std::iter::once(longest).chain(of_each_shape) {
            let batch = self.batch(examples, &indices);
            let (loss, gradients) = self.learner.differentiate(&batch, &self.learner.leaves(), 1.0);
            drop(gradients);
            // An accelerator works behind the program's back: its answer is waited for.
            read(loss, "a loss")?;
        }
        self.learner.spent = spent;
        Ok(())
    }

    /// One optimizer step over the given batches of indices into `examples`. Nothing is waited for.
    ///
    /// # Errors
    /// No example has a part in it.
    pub fn step(&mut self, examples: &[Encoded], accumulated: &[Vec<usize>]) -> Result<Taken> {
        let trial = self.trial();
        let learning_rate = learning_rate(trial.settings.learning_rate, trial.settings.schedule.kind, trial.steps, self.steps);
        let numbers = self.learner.optimizer.next(learning_rate);
        let begun = Instant::now();
        let mut batches: Vec<Batch> = Vec::with_capacity(accumulated.len());
        for indices in accumulated {
            batches.push(self.batch(examples, indices));
            self.micro_batches += 1;
        }
        self.learner.spent.data += begun.elapsed();
        let told = self.recordings.take(&mut self.learner, &batches, &numbers)?;
        self.steps += 1;
        self.last_learning_rate = learning_rate;
        let indices = accumulated.concat();
        let tokens = indices.iter().map(|index| examples[*index].tokens.len() as u64).sum();
        Ok(Taken { step: self.steps, learning_rate, examples: indices, tokens, numbers: told })
    }

    /// Some examples, as the training's next batch.
    fn batch(&self, examples: &[Encoded], indices: &[usize]) -> Batch {
        let chosen: Vec<&Encoded> = indices.iter().map(|index| &examples[*index]).collect();
        Batch::at(self.micro_batches, &chosen, Padding::of(self.trial()), self.learner.device)
    }

    /// Where the time of all steps so far went.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.learner.spent
    }

    /// How many steps so far were replays of recorded ones, on a GPU.
    #[must_use]
    pub fn replays(&self) -> Replays {
        self.recordings.replays()
    }

    /// What the model says of every example, without dropout.
    ///
    /// # Errors
    /// The device failed.
    pub fn predict(&self, examples: &[Encoded]) -> Result<Vec<Output>> {
        let inner: Vec<Value> = self.learner.parameters.iter().cloned().map(Value::inner).collect();
        predict(&self.learner.model(&inner), self.trial(), examples, self.learner.device)
    }

    /// Copies the parameters from the device, in the table's order and the file's layout.
    ///
    /// # Errors
    /// The device failed.
    pub fn parameters(&self) -> Result<Vec<HostTensor>> {
        self.learner.to_host()
    }

    fn evaluate(&self, validation: &[Encoded], epoch: f64, observer: &mut dyn Observer) -> Result<()> {
        let predictions = scored(validation, self.predict(validation)?)?;
        let scores = Scores::of(&predictions, &self.trial().task.metrics);
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

/// Outputs beside what is right.
fn scored(examples: &[Encoded], outputs: Vec<Output>) -> Result<Vec<Prediction>> {
    let pair = |(example, output): (&Encoded, Output)| {
        let target = example.target.clone().ok_or_else(|| anyhow!("an example to be scored has no target"))?;
        Ok(Prediction { target, output })
    };
    examples.iter().zip(outputs).map(pair).collect()
}
