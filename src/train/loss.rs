//! The losses, averaged over a batch's examples. The targets are read from device memory, where a recorded step finds those of
//! the next batch, so a loss can be written in plain Burn.

use std::sync::Arc;

use anyhow::{Result, bail};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, relu};

use crate::kernels::{CrossEntropy, Operation, Targets};
use crate::models::Input;

/// The loss of outputs `[examples, outputs]` for the batch's type of target, scaled by `share`: `[1]`.
pub fn loss(outputs: Tensor<2>, input: &Input, share: f64) -> Result<Tensor<1>> {
    Ok(match input.targets() {
        Targets::Classes(_) => cross_entropy(outputs, input, share),
        Targets::Labels { .. } => {
            let targets = input.target_numbers(&outputs);
            binary_cross_entropy(outputs, targets) * share
        }
        Targets::Values(_) => {
            let targets = input.target_numbers(&outputs);
            mean_squared_error(outputs, targets) * share
        }
        Targets::None => bail!("examples without targets to learn from"),
    })
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
