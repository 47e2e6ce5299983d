//! The training loop, and the events it sends to its observers.

use std::ops::ControlFlow;
use std::time::Instant;

use super::device::Device;
use super::error::{Diverged, TrainError};
use super::event::{Boundary, EvaluationEvent, Event, StepEvent};
use super::log::Log;
use super::observer::{Observer, Observers, Stop};
use super::order::{Order, StepBatches};
use super::pending::PendingSteps;
use super::predict::evaluate;
use super::state::{LogInterval, Start};
use super::trainer::Trainer;
use super::validation::ValidationSplits;
use crate::plan::Trial;
use crate::task::Best;
use crate::tokens::Encoded;

/// Trains to the trial's last step, or until an observer stops it.
///
/// # Errors
/// The loss or the gradient is no longer finite, or the device or an observer failed.
pub fn train<'v>(
    trial: &Trial,
    start: Start<'_>,
    examples: &[Encoded],
    validation: impl Into<ValidationSplits<'v>>,
    device: &Device,
    observers: &mut [&mut dyn Observer],
) -> Result<ControlFlow<Stop>, TrainError> {
    let validation = validation.into();
    let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
    let mut training = TrainingLoop::new(trial, start, device, Observers(observers))?;
    let mut order = Order::new(trial, &lengths, training.trainer.steps()..trial.steps.total);
    let mut flow = training.begin(examples, &lengths)?;
    while flow.is_continue()
        && let Some(group) = order.next()
    {
        flow = training.step(examples, &group)?;
        training.log.pause();
        if flow.is_continue() && trial.evaluates_after(group.step) {
            flow = training.evaluate(&validation, &group)?;
        }
        if flow.is_continue() {
            flow = training.boundary(&group)?;
        }
        training.log.resume();
    }
    if flow.is_continue() && device.is_gpu() {
        flow = training.observers.send(&Event::Finished(training.trainer.replays()))?;
    }
    Ok(flow)
}

struct TrainingLoop<'a, 'l, 'o> {
    trial: &'a Trial,
    device: &'a Device,
    trainer: Trainer<'a>,
    pending: PendingSteps,
    log: Log,
    best: Best,
    /// Learning rate of the last step.
    learning_rate: f64,
    observers: Observers<'l, 'o>,
}

impl<'a, 'l, 'o> TrainingLoop<'a, 'l, 'o> {
    fn new(trial: &'a Trial, start: Start<'_>, device: &'a Device, observers: Observers<'l, 'o>) -> Result<Self, TrainError> {
        let metric = trial.settings.metric.name();
        let direction = trial.task.direction(metric);
        let direction = direction.ok_or_else(|| TrainError::UnknownMetric(metric.into()))?;
        let mut best = Best::new(metric, direction);
        let (trainer, interval) = match start {
            Start::Fresh(parameters) => (Trainer::new(trial, parameters, device), LogInterval::default()),
            Start::Resumed { state, best: earlier } => {
                if let Some((step, score)) = earlier {
                    best.offer(step, score);
                }
                let interval = state.counters.log.clone();
                (Trainer::restored(trial, state, device), interval)
            }
        };
        Ok(Self {
            trial,
            device,
            trainer,
            pending: PendingSteps::new(),
            log: Log::new(interval),
            best,
            learning_rate: 0.0,
            observers,
        })
    }

    /// Tests the device before the first step, so that running out of memory on the longest examples shows right away, not after
    /// hours of training.
    fn begin(&mut self, examples: &[Encoded], lengths: &[usize]) -> Result<ControlFlow<Stop>, TrainError> {
        let mut flow = self.observers.send(&Event::Started)?;
        if flow.is_break() || self.trainer.steps() >= self.trial.steps.total {
            return Ok(flow);
        }
        self.log.pause();
        let begun = Instant::now();
        if self.device.is_gpu() {
            flow = self.observers.send(&Event::WarmupStarted)?;
        }
        if flow.is_continue() {
            self.trainer.warm_up(examples, lengths)?;
            if self.device.is_gpu() {
                flow = self.observers.send(&Event::WarmupFinished(begun.elapsed()))?;
            }
        }
        self.log.resume();
        Ok(flow)
    }

    /// Takes a step. Its metrics are read now if they are needed now or if reading costs nothing.
    fn step(&mut self, examples: &[Encoded], group: &StepBatches) -> Result<ControlFlow<Stop>, TrainError> {
        let step = self.trainer.step(examples, &group.batches)?;
        self.learning_rate = step.learning_rate;
        self.pending.push(step);
        let logs = self.is_last(group) || group.step.is_multiple_of(self.trial.settings.logging.every.get());
        let reads = logs || self.trial.evaluates_after(group.step) || !self.device.is_asynchronous() || self.pending.is_due();
        if !reads {
            return Ok(ControlFlow::Continue(()));
        }
        let steps = self.pending.read()?;
        let mut flow = self.report(&steps)?;
        if let Some(last) = steps.last().filter(|_| logs && flow.is_continue()) {
            let row = self.log.row(last);
            flow = self.observers.send(&Event::Log(row))?;
        }
        Ok(flow)
    }

    /// Adds steps to the log and reports them to the observers.
    fn report(&mut self, steps: &[StepEvent]) -> Result<ControlFlow<Stop>, TrainError> {
        for step in steps {
            self.log.add(step);
            let flow = self.observers.send(&Event::Step(step.clone()))?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn evaluate(&mut self, validation: &ValidationSplits<'_>, group: &StepBatches) -> Result<ControlFlow<Stop>, TrainError> {
        let outputs = self.trainer.predict(validation.main)?;
        let (predictions, scores) = evaluate(outputs, validation.main, &self.trial.task)?;
        let mut further = Vec::new();
        for (split, examples) in &validation.further {
            let outputs = self.trainer.predict(examples)?;
            further.push((*split, evaluate(outputs, examples, &self.trial.task)?.1));
        }
        if !scores.loss.is_finite() {
            let (step, learning_rate) = (group.step, self.learning_rate);
            let quantity = "validation loss";
            return Err(Diverged { step, quantity, value: scores.loss, learning_rate, examples: Vec::new() }.into());
        }
        let improved = self.best.offer(group.step, scores.get(self.best.metric()));
        let mut event = EvaluationEvent {
            step: group.step,
            epoch: self.trial.steps.epoch(group.step),
            scores: &scores,
            further: &further,
            predictions: &predictions,
            best: &self.best,
            improved,
            parameters: None,
        };
        let parameters = self.observers.want_parameters(&event).then(|| self.trainer.parameters()).transpose()?;
        event.parameters = parameters.as_deref();
        self.observers.send(&Event::Evaluation(event))
    }

    fn boundary(&mut self, group: &StepBatches) -> Result<ControlFlow<Stop>, TrainError> {
        let ends_epoch = group.step.is_multiple_of(self.trial.steps.per_epoch);
        let mut boundary = Boundary { step: group.step, ends_epoch, is_last: self.is_last(group), state: None };
        if !self.observers.want_state(&boundary) {
            return self.observers.send(&Event::Boundary(boundary));
        }
        // The state includes the partial log row, so all pending steps must be read first.
        let steps = self.pending.read()?;
        let flow = self.report(&steps)?;
        if flow.is_break() {
            return Ok(flow);
        }
        let state = self.trainer.state(self.log.interval())?;
        boundary.state = Some(&state);
        self.observers.send(&Event::Boundary(boundary))
    }

    fn is_last(&self, group: &StepBatches) -> bool {
        group.step == self.trial.steps.total
    }
}
