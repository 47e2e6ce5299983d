//! A program without GPUs records nothing: every step is computed.

use anyhow::Result;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::device::Device;
use super::learner::Learner;
use super::replays::Replays;
use super::step::Numbers;
use crate::plan::Trial;

/// Nothing.
pub struct Recordings;

impl Recordings {
    /// Of a training on this device.
    pub fn on(_: &Device) -> Self {
        Self
    }

    /// Learns from batches in one step: their mean loss, and the gradient's norm.
    #[allow(clippy::unused_self)]
    pub fn step(&self, learner: &mut Learner<'_>, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        learner.compute(batches, numbers)
    }

    /// That there are none.
    #[allow(clippy::unused_self)]
    pub fn replays(&self) -> Replays {
        Replays::default()
    }
}

/// Nothing is tuned on the CPU.
pub fn one_of_each_shape(_: &Trial, _: u64, _: &[usize], _: &Device) -> Vec<Vec<usize>> {
    Vec::new()
}
