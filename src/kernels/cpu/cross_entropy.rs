//! [`CrossEntropy`] on the CPU.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;
use burn_flex::FlexTensor;

use super::tensors::{dense, numbers, shape, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{CrossEntropy, Targets};

/// Returns the loss of logits `[examples, classes]` and its gradient, both times `share`.
///
/// Computed in f64: a batch has few logits, and every gradient depends on them.
pub fn cross_entropy(logits: &[f32], labels: &[u32], share: f64) -> (f32, Vec<f32>) {
    let classes = logits.len() / labels.len().max(1);
    let weight = share / labels.len() as f64;
    let (mut loss, mut gradient) = (0.0, Vec::with_capacity(logits.len()));
    for (logits, label) in logits.chunks_exact(classes.max(1)).zip(labels) {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        loss += sum.ln() - f64::from(logits[*label as usize] - largest);
        gradient.extend((0_u32..).zip(powers).map(|(class, power)| {
            let truth = f64::from(u8::from(class == *label));
            ((power / sum - truth) * weight) as f32
        }));
    }
    ((loss * weight) as f32, gradient)
}

impl Kernel<Flex, 1> for CrossEntropy {
    /// The gradient of the logits for a loss gradient of 1.
    type Saved = FlexTensor;

    fn forward(self, [logits]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        let logits = dense(logits);
        let Targets::Classes(classes) = &self.batch.targets else { unreachable!("cross-entropy is of classes") };
        let (loss, gradient) = cross_entropy(numbers(&logits), classes, self.share);
        (tensor(vec![loss], [1]), tensor(gradient, shape(&logits)))
    }

    fn backward(saved: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 1] {
        [Flex::float_mul(saved, Flex::float_reshape(gradient, Shape::from([1, 1])))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `torch.nn.functional.cross_entropy` in float64.
    #[test]
    fn loss_and_gradient_are_torchs() {
        let theirs = [
            0.075_468_612_018_578_23,
            0.003_757_360_946_196_753,
            -0.079_225_972_964_774_97,
            -0.014_900_365_252_764_692,
            4.491_579e-42,
            0.014_900_365_252_764_692,
        ];
        let (loss, gradient) = cross_entropy(&[1.0, -2.0, 0.5, 90.0, -3.0, 88.0], &[2, 0], 0.25);
        assert!((f64::from(loss) - 0.141_440_614_173_157).abs() < 1e-7, "{loss}");
        for (ours, theirs) in gradient.iter().zip(theirs) {
            assert!((f64::from(*ours) - theirs).abs() < 1e-8, "{ours} and {theirs}");
        }
    }
}
