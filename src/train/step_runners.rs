//! How training steps run: launched operation by operation, or replayed from a GPU's recordings.

use anyhow::Result;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::device::Device;
use super::learner::Learner;
#[cfg(feature = "gpu")]
use super::recordings::Recordings;
use super::step::Numbers;
use super::step_runner::StepRunner;

/// Launches every operation of every step.
struct Launch;

impl StepRunner for Launch {
    fn step(&mut self, learner: &mut Learner<'_>, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        learner.compute(batches, numbers)
    }
}

/// The step runner for this device.
pub fn step_runner(device: &Device) -> Box<dyn StepRunner> {
    match device {
        #[cfg(feature = "gpu")]
        device if device.is_gpu() => Box::new(Recordings::on(device)),
        _ => Box::new(Launch),
    }
}
