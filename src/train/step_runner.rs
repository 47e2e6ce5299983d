//! How the steps of a training run: launched operation by operation, or replayed where a GPU has recorded them.

use anyhow::Result;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::device::Device;
use super::learner::Learner;
#[cfg(feature = "gpu")]
use super::recordings::Recordings;
use super::replays::Replays;
use super::step::Numbers;

/// Runs the steps of a training.
pub trait StepRunner {
    /// One step over some batches: their mean loss and the gradient's norm, `[2]`.
    ///
    /// # Errors
    /// The device failed.
    fn step(&mut self, learner: &mut Learner<'_>, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>>;

    /// Batches of an epoch, as indices into the training split, that tune the device's kernels before the first step;
    /// `lengths` are those of the examples in tokens.
    fn tuning_batches(&self, _: &Learner<'_>, _epoch: u64, _lengths: &[usize]) -> Vec<Vec<usize>> {
        Vec::new()
    }

    /// How many steps were replays.
    fn replays(&self) -> Replays {
        Replays::default()
    }
}

/// Launches every operation of every step.
struct Launch;

impl StepRunner for Launch {
    fn step(&mut self, learner: &mut Learner<'_>, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        learner.compute(batches, numbers)
    }
}

/// What runs the steps of a training on this device.
pub fn step_runner(device: &Device) -> Box<dyn StepRunner> {
    match device {
        #[cfg(feature = "gpu")]
        device if device.is_gpu() => Box::new(Recordings::on(device)),
        _ => Box::new(Launch),
    }
}
