//! [`CrossEntropy`] on a GPU. One cube processes the whole batch.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::reduce::cube_sum;
use super::tensors::{UNITS, dense, empty, sizes};
use crate::kernels::CrossEntropy;
use crate::kernels::operation::Kernel;

#[cube(launch)]
fn cross_entropy(
    logits: &Tensor<f32>,
    targets: &Tensor<u32>,
    loss: &mut Tensor<f32>,
    gradient: &mut Tensor<f32>,
    weight: f32,
    examples: usize,
    classes: usize,
    #[comptime] units: u32,
) {
    let mut shared = Shared::new_slice(units as usize);
    let mut total_loss = 0.0f32;
    let mut example = UNIT_POS_X as usize;
    while example < examples {
        let start = example * classes;
        let target = targets[example] as usize;
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
            if class == target {
                away -= 1.0f32;
            }
            gradient[start + class] = away * weight;
        }
        total_loss += f32::ln(sum) - (logits[start + target] - largest);
        example += units as usize;
    }
    let total = cube_sum(total_loss, &mut shared, units);
    if UNIT_POS_X == 0 {
        loss[0usize] = total * weight;
    }
}

impl Kernel<Cube, 1> for CrossEntropy {
    /// The gradient of the logits for a loss gradient of 1.
    type Saved = CubeTensor;

    fn forward(self, [logits]: [CubeTensor; 1]) -> (CubeTensor, Self::Saved) {
        let logits = dense(logits);
        let (examples, classes) = sizes(&logits);
        let (loss, gradient) = (empty(&logits, [1]), empty(&logits, [examples, classes]));
        cross_entropy::launch(
            &loss.client,
            CubeCount::Static(1, 1, 1),
            CubeDim::new_1d(UNITS),
            logits.clone().into_tensor_arg(),
            self.batch.tables(&logits).targets.clone().into_tensor_arg(),
            loss.clone().into_tensor_arg(),
            gradient.clone().into_tensor_arg(),
            (self.share / examples as f64) as f32,
            examples,
            classes,
            UNITS,
        );
        (loss, gradient)
    }

    fn backward(saved: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 1] {
        [Cube::float_mul(saved, Cube::float_reshape(gradient, Shape::from([1, 1])))]
    }
}
