//! The interface for running training steps.

use anyhow::Result;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::learner::Learner;
use super::replays::Replays;
use super::step::Numbers;

/// Runs the steps of a training run.
pub trait StepRunner {
    /// Takes one step over some micro-batches. Returns their mean loss and the gradient norm, `[2]`.
    ///
    /// # Errors
    /// The device failed.
    fn step(&mut self, learner: &mut Learner<'_>, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>>;

    /// Batches of an epoch, as indices into the training split, on which to tune the device's kernels before the first step;
    /// `lengths` are the examples' lengths in tokens.
    fn tuning_batches(&self, _: &Learner<'_>, _epoch: u64, _lengths: &[usize]) -> Vec<Vec<usize>> {
        Vec::new()
    }

    /// How many steps were replays.
    fn replays(&self) -> Replays {
        Replays::default()
    }
}
