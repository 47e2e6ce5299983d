//! Cross-entropy: -mean log softmax(z)ₗ, whose gradient is (softmax(z) - 1ₗ) / examples. One cube works on the batch.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::reduce::cube_sum;
use super::tensors::{UNITS, dense, room, sizes};
use crate::kernels::operations::Judging;

#[cube(launch)]
fn judge(
    logits: &Tensor<f32>,
    labels: &Tensor<u32>,
    loss: &mut Tensor<f32>,
    gradient: &mut Tensor<f32>,
    weight: f32,
    examples: usize,
    classes: usize,
    #[comptime] units: u32,
) {
    let mut shared = Shared::new_slice(units as usize);
    let mut lost = 0.0f32;
    let mut example = UNIT_POS_X as usize;
    while example < examples {
        let start = example * classes;
        let label = labels[example] as usize;
        let mut largest = logits[start];
        for class in 1..classes {
            if logits[start + class] > largest {
                largest = logits[start + class];
            }
        }
        let mut sum = 0.0f32;
        for class in 0..classes {
            sum += f32::exp(logits[start + class] - largest);
        }
        for class in 0..classes {
            let mut away = f32::exp(logits[start + class] - largest) / sum;
            if class == label {
                away -= 1.0f32;
            }
            gradient[start + class] = away * weight;
        }
        lost += f32::ln(sum) - (logits[start + label] - largest);
        example += units as usize;
    }
    let total = cube_sum(lost, &mut shared, units);
    if UNIT_POS_X == 0 {
        loss[0usize] = total * weight;
    }
}

/// The loss, `[1]`, of logits `[examples, classes]`, and its gradient.
pub fn cross_entropy(logits: CubeTensor, how: &Judging) -> (CubeTensor, CubeTensor) {
    let logits = dense(logits);
    let (examples, classes) = sizes(&logits);
    let (loss, gradient) = (room(&logits, [1]), room(&logits, [examples, classes]));
    judge::launch(
        &loss.client,
        CubeCount::Static(1, 1, 1),
        CubeDim::new_1d(UNITS),
        logits.clone().into_tensor_arg(),
        how.rows.tables(&logits).labels.clone().into_tensor_arg(),
        loss.clone().into_tensor_arg(),
        gradient.clone().into_tensor_arg(),
        (how.share / examples as f64) as f32,
        examples,
        classes,
        UNITS,
    );
    (loss, gradient)
}
