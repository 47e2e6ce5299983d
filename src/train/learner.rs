//! Forward, loss, backward and update: a model that trains on batches.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use burn::tensor::Tensor;

use super::batch::Batch;
use super::device::Device;
use super::gradient_sum::GradientSum;
#[cfg(feature = "gpu")]
use super::gradient_totals::AccumulatedGradients;
use super::loss::Criterion;
use super::optimizer::{AdamW, clip_factor};
use super::state::TrainingState;
use super::step::Numbers;
use crate::architecture::{Parameter, Role};
use crate::checkpoint::HostTensor;
use crate::kernels::{RoundToBf16, Update};
use crate::models::{Constants, DropoutSites, Model, ParameterError, Value};
use crate::plan::Trial;
use crate::settings::Precision;

/// A model and its optimizer on a device.
pub struct Learner<'a> {
    /// The trial that they train for.
    pub trial: &'a Trial,
    /// The device that holds them.
    pub device: &'a Device,
    pub parameters: Vec<Value>,
    pub optimizer: AdamW,
    constants: Constants,
    criterion: Criterion,
    /// Totals over the step's micro-batches so far, on a GPU.
    #[cfg(feature = "gpu")]
    pub accumulated: AccumulatedGradients,
    /// Time spent in all steps so far.
    pub times: StepTimes,
}

/// Time spent in each phase of the steps. On an asynchronous device, only the total is meaningful.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepTimes {
    /// Building batches.
    pub data: Duration,
    /// Forward pass and loss.
    pub forward: Duration,
    pub backward: Duration,
    /// Gradient norm, clipping and the optimizer.
    pub update: Duration,
}

impl<'a> Learner<'a> {
    /// Creates a model with these parameters, in parameter-table order, before its first step.
    pub fn new(trial: &'a Trial, initial: &[HostTensor], device: &'a Device) -> Self {
        let place = &device.differentiating();
        let parameters =
            trial.parameters.iter().zip(initial).map(|(entry, tensor)| Value::from_host(tensor, entry.role, place)).collect();
        let optimizer = AdamW::new(
            &trial.settings.optimizer,
            trial.parameters.iter().map(|parameter| parameter.name.clone()),
            device.kernels(),
        );
        Self {
            trial,
            device,
            parameters,
            optimizer,
            constants: Constants::new(&trial.architecture, trial.max_length, device.plain()),
            criterion: Criterion::new(&trial.loss, trial.task.head.outputs(), device.plain()),
            #[cfg(feature = "gpu")]
            accumulated: AccumulatedGradients::default(),
            times: StepTimes::default(),
        }
    }

    /// Restores the model and the optimizer of an interrupted training run.
    pub fn restored(trial: &'a Trial, state: TrainingState, device: &'a Device) -> Self {
        let mut learner = Self::new(trial, &state.parameters, device);
        learner.optimizer.restore(&trial.parameters, state, device);
        learner
    }

    /// Trains on the micro-batches of one step. Returns their mean loss and the gradient norm, `[2]`.
    pub fn compute(&mut self, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        let examples: usize = batches.iter().map(Batch::examples).sum();
        let mut sum: Option<(Tensor<1>, GradientSum)> = None;
        let leaves = self.leaves();
        for batch in batches {
            let (loss, gradients) = self.differentiate(batch, &leaves, batch.examples() as f64 / examples as f64)?;
            sum = Some(match sum {
                None => (loss, gradients),
                Some((losses, earlier)) => (losses + loss, earlier.plus(gradients)),
            });
        }
        drop(leaves);
        let (loss, gradients) = sum.ok_or_else(|| anyhow!("a step without examples"))?;
        self.update(loss, gradients, numbers)
    }

    /// Updates the parameters from the gradients. Returns the loss and the gradient norm, `[2]`.
    pub fn update(&mut self, loss: Tensor<1>, gradients: GradientSum, numbers: &Numbers) -> Result<Tensor<1>> {
        let begun = Instant::now();
        let grad_norm = gradients.norm(self.device.kernels()).ok_or_else(|| anyhow!("no parameter has a gradient"))?;
        let clip = clip_factor(&grad_norm, self.trial.settings.optimizer.max_grad_norm);
        // Nothing else holds the parameters now, so they can be updated in place.
        self.parameters = self.optimizer.step(std::mem::take(&mut self.parameters), gradients, numbers, clip);
        let numbers = Tensor::cat(vec![loss, grad_norm], 0);
        self.times.update += begun.elapsed();
        Ok(numbers)
    }

    /// Whether matrix products read rounded (or, in tests, copied) weights instead of the trained ones.
    pub fn rounds(&self) -> bool {
        // On a CPU, weights are rounded while they are packed.
        let is_bf16 = self.trial.precision == Precision::Bf16;
        self.device.faults().copy_weights || (is_bf16 && self.device.is_gpu())
    }

    /// The rounded copies of the weights that matrix products read; `None` for other parameters.
    pub fn rounded(&self) -> Vec<Option<Value>> {
        let is_rounded = |entry: &Parameter| self.rounds() && entry.role == Role::Linear;
        let weights = self.parameters.iter().zip(&*self.trial.parameters).filter(|(_, entry)| is_rounded(entry));
        let weights: Vec<Value> = weights.map(|(value, _)| value.clone().inner()).collect();
        let rounded = if self.device.faults().copy_weights {
            weights.into_iter().map(Value::copied).collect()
        } else {
            all_rounded(weights)
        };
        let mut rounded = rounded.into_iter();
        self.trial.parameters.iter().map(|entry| if is_rounded(entry) { rounded.next() } else { None }).collect()
    }

    /// The leaves of a step's graph: the parameters, with weights replaced by their rounded copies, which are rounded once for
    /// all micro-batches.
    pub fn leaves(&self) -> Vec<Value> {
        self.leaves_with(&self.rounded())
    }

    /// The parameters, replaced by their rounded copies where there are some.
    pub fn leaves_with(&self, rounded: &[Option<Value>]) -> Vec<Value> {
        let leaf = |(place, value): (usize, &Value)| match rounded.get(place) {
            Some(Some(rounded)) => rounded.clone().autodiff().tracked(),
            _ => value.clone(),
        };
        self.parameters.iter().enumerate().map(leaf).collect()
    }

    /// The loss of a batch, scaled by its share of the step, and its gradients.
    ///
    /// # Errors
    /// A parameter is missing, or the batch has no targets.
    pub fn differentiate(&mut self, batch: &Batch, leaves: &[Value], share: f64) -> Result<(Tensor<1>, GradientSum)> {
        let dropout = DropoutSites::training(self.trial.dropout, self.trial.settings.seed, batch.input.number());
        let begun = Instant::now();
        let outputs = self.model(leaves)?.forward(&batch.input, dropout);
        let loss = self.criterion.loss(outputs, &batch.input, share)?;
        self.times.forward += begun.elapsed();
        let begun = Instant::now();
        let mut gradients = loss.backward();
        self.times.backward += begun.elapsed();
        Ok((loss.inner(), GradientSum::take(&self.trial.parameters, leaves, &mut gradients, &batch.input)))
    }

    /// The model over these values of the parameters, in parameter-table order.
    pub fn model(&self, values: &[Value]) -> Result<Model, ParameterError> {
        let named = self.trial.parameters.iter().map(|parameter| &*parameter.name).zip(values).collect();
        Model::new(&self.trial.architecture, &self.constants, &named, self.trial.precision)
    }

    /// Copies the parameters from the device, in parameter-table order and checkpoint layout.
    pub fn to_host(&self) -> Result<Vec<HostTensor>> {
        self.parameters
            .iter()
            .zip(&*self.trial.parameters)
            .map(|(value, entry)| value.clone().inner().to_host(entry.role))
            .collect()
    }
}

/// Rounds weights to bf16.
fn all_rounded(weights: Vec<Value>) -> Vec<Value> {
    if weights.is_empty() {
        return weights;
    }
    let rounded = RoundToBf16.apply(weights.into_iter().map(Value::into_dispatch).collect());
    rounded.into_iter().map(|weight| Value::Matrix(Tensor::from_dispatch(weight))).collect()
}
