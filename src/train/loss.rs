//! The loss: cross-entropy, averaged over a batch's examples.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};

use super::batch::Batch;
use crate::kernels::{Fused, Judging};
use crate::models::Input;

/// Minus the mean logarithm of the labels' probabilities, times `share`: `[1]` from logits `[examples, classes]`.
pub fn cross_entropy(logits: Tensor<2>, batch: &Batch, share: f64) -> Tensor<1> {
    match &batch.input {
        Input::Rows(rows) => {
            let how = Judging { rows: Arc::clone(rows), share };
            Tensor::from_dispatch(Dispatch::cross_entropy(logits.into_dispatch(), how))
        }
        Input::Padded(_) => {
            let indices: Vec<i32> = batch.labels.iter().map(|label| label.cast_signed()).collect();
            let data = TensorData::new(indices, [batch.labels.len(), 1]);
            let labels = Tensor::<2, Int>::from_data(data, &logits.device().without_autodiff());
            log_softmax(logits, 1).gather(1, labels).mean().neg() * share
        }
    }
}
