//! The losses, averaged over a batch's examples. The targets are read from device memory, where a recorded step finds those of
//! the next batch, so a loss can be written in plain Burn.

use std::sync::Arc;

use anyhow::{Result, bail};
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Device, Tensor, TensorData};

use crate::kernels::{CrossEntropy, Operation, Targets};
use crate::models::Input;
use crate::plan::TrainingLoss;

/// A trial's loss, with all that it reads besides outputs and targets on the device.
pub enum Criterion {
    /// Torch's `cross_entropy`.
    CrossEntropy,
    /// Torch's `cross_entropy` with class weights, label smoothing, or both.
    WeightedCrossEntropy(Box<WeightedCrossEntropy>),
    /// Torch's `binary_cross_entropy_with_logits`.
    BinaryCrossEntropy,
    /// Torch's `mse_loss`.
    MeanSquaredError,
}

impl Criterion {
    /// Puts the loss of a trial on a device that does not differentiate. Later steps upload nothing.
    pub fn new(loss: &TrainingLoss, classes: usize, device: &Device) -> Self {
        let weighted = |smoothing: f64, weights: &[f64]| {
            Self::WeightedCrossEntropy(Box::new(WeightedCrossEntropy::new(smoothing, weights, device)))
        };
        match loss {
            TrainingLoss::CrossEntropy { label_smoothing, class_weights } => match class_weights {
                None if *label_smoothing == 0.0 => Self::CrossEntropy,
                None => weighted(*label_smoothing, &vec![1.0; classes]),
                Some(weights) => weighted(*label_smoothing, weights),
            },
            TrainingLoss::BinaryCrossEntropy => Self::BinaryCrossEntropy,
            TrainingLoss::MeanSquaredError => Self::MeanSquaredError,
        }
    }

    /// The loss of outputs `[examples, outputs]` for a batch's targets, scaled by `share`: `[1]`.
    ///
    /// `share` is the batch's part of the examples of its step, so that the losses of a step's batches add up to the mean over all
    /// examples. With class weights each batch is divided by its own sum of weights, as torch does, so what adds up is the mean
    /// of the batches' weighted means.
    ///
    /// # Errors
    /// The batch has no targets, or targets of another kind.
    pub fn loss(&self, outputs: Tensor<2>, input: &Input, share: f64) -> Result<Tensor<1>> {
        Ok(match (self, input.targets()) {
            (Self::CrossEntropy, Targets::Classes(_)) => cross_entropy(outputs, input, share),
            (Self::WeightedCrossEntropy(weighted), Targets::Classes(_)) => weighted.mean(outputs, input) * share,
            (Self::BinaryCrossEntropy, Targets::Labels { .. }) => {
                let targets = input.target_numbers(&outputs);
                binary_cross_entropy(outputs, targets) * share
            }
            (Self::MeanSquaredError, Targets::Values(_)) => {
                let targets = input.target_numbers(&outputs);
                mean_squared_error(outputs, targets) * share
            }
            (_, Targets::None) => bail!("examples without targets to learn from"),
            (_, Targets::Classes(_) | Targets::Labels { .. } | Targets::Values(_)) => {
                bail!("the targets of the examples are of another kind than the loss")
            }
        })
    }
}

/// Mean negative log-likelihood of the target classes, scaled by `share`: torch's `cross_entropy`.
fn cross_entropy(logits: Tensor<2>, input: &Input, share: f64) -> Tensor<1> {
    match input {
        Input::Ragged { batch, .. } => {
            let operation = CrossEntropy { batch: Arc::clone(batch), share };
            Tensor::from_dispatch(operation.apply([logits.into_dispatch()]))
        }
        Input::Padded(_) => {
            let classes = input.target_classes(&logits).unsqueeze_dim(1);
            log_softmax(logits, 1).gather(1, classes).mean().neg() * share
        }
    }
}

/// Torch's `CrossEntropyLoss(weight=w, label_smoothing=ε)` over K classes, reduced to a mean. With p the softmax of an example's
/// logits and y its class,
///
/// loss = Σ over examples of [(1 - ε) · w(y) · -ln p(y) + ε / K · Σ over classes c of w(c) · -ln p(c)] / Σ over examples of w(y).
///
/// All factors of -ln p depend on the class alone, so that they are a table with a row for each class, computed once.
pub struct WeightedCrossEntropy {
    /// The factor of -ln p(c) for an example of class y: `[K (y), K (c)]`.
    factors: Tensor<2>,
    /// `[K]`.
    weights: Tensor<1>,
}

impl WeightedCrossEntropy {
    fn new(smoothing: f64, weights: &[f64], device: &Device) -> Self {
        let classes = weights.len();
        let factor = |target: usize, class: usize| {
            let truth = if target == class { (1.0 - smoothing) * weights[class] } else { 0.0 };
            (truth + smoothing / classes as f64 * weights[class]) as f32
        };
        let factors: Vec<f32> =
            (0..classes).flat_map(|target| (0..classes).map(move |class| (target, class))).map(|(y, c)| factor(y, c)).collect();
        let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
        Self {
            factors: Tensor::from_data(TensorData::new(factors, [classes, classes]), device),
            weights: Tensor::from_data(TensorData::new(weights, [classes]), device),
        }
    }

    /// The mean of a batch: `[1]`.
    fn mean(&self, logits: Tensor<2>, input: &Input) -> Tensor<1> {
        let classes = input.target_classes(&logits);
        let factors = self.factors.clone().select(0, classes.clone());
        let weights = self.weights.clone().select(0, classes);
        (log_softmax(logits, 1) * factors).sum().neg() / weights.sum()
    }
}

/// Torch's `mse_loss`, which transformers uses for models with one label.
fn mean_squared_error(outputs: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    (outputs - targets).square().mean()
}

/// Torch's `binary_cross_entropy_with_logits`, averaged over examples and labels: max(z, 0) - z · y + ln(1 + exp(-|z|)).
fn binary_cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let softplus = (logits.clone().abs().neg().exp() + 1.0).log();
    (relu(logits.clone()) - logits * targets + softplus).mean()
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
