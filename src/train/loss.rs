//! The loss: cross-entropy, averaged over a batch's examples.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};

use super::device::Kernels;
use crate::kernels::{Fused, Judging};

/// Minus the mean logarithm of the labels' probabilities, times `share`: `[1]` from logits `[examples, classes]`.
pub fn cross_entropy(logits: Tensor<2>, labels: Arc<Vec<u32>>, share: f64, kernels: Kernels) -> Tensor<1> {
    match kernels {
        Kernels::Fused => Tensor::from_dispatch(Dispatch::cross_entropy(logits.into_dispatch(), Judging { labels, share })),
        Kernels::Reference => {
            let indices: Vec<i32> = labels.iter().map(|label| label.cast_signed()).collect();
            let data = TensorData::new(indices, [labels.len(), 1]);
            let labels = Tensor::<2, Int>::from_data(data, &logits.device().without_autodiff());
            log_softmax(logits, 1).gather(1, labels).mean().neg() * share
        }
    }
}
