//! Which steps a GPU takes by replaying a recorded one, which costs one command instead of hundreds.
//!
//! A shape's first step tunes its kernels. Its second is taken, and recorded: from then on steps of this shape are replays.
//! Where the GPU refuses, or memory is short, steps go on being launched kernel by kernel; the numbers are the same.

use std::collections::HashMap;

use anyhow::Result;
use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::device::{Device, Kernels};
use super::step::Numbers;
use super::trainer::Trainer;
use crate::kernels::{Prepared, Recording, Rows, Shape, whereabouts};
use crate::models::{Input, Value};

/// What is recorded of a training.
pub struct Recordings {
    /// None of a shape that was met once.
    of: HashMap<Shape, Option<Recording>>,
    /// How many more there may be.
    left: usize,
    replayed: u64,
    /// Why there are no more.
    refused: Option<String>,
}

/// How many steps of a training were replays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replays {
    /// Shapes that were recorded.
    pub recorded: usize,
    /// Steps that were replayed.
    pub replayed: u64,
    /// Why no more were recorded, where the GPU refused.
    pub refused: Option<String>,
}

impl Recordings {
    /// Each keeps memory of its own for what a step computes.
    const MOST: usize = 32;

    /// Of a training on this device.
    pub fn on(device: &Device) -> Self {
        let records = device.is_gpu() && device.kernels() == Kernels::Fused && device.records();
        Self { of: HashMap::new(), left: if records { Self::MOST } else { 0 }, replayed: 0, refused: None }
    }

    fn refuse(&mut self, error: &anyhow::Error) {
        self.left = 0;
        self.refused = Some(format!("{error:#}"));
    }
}

impl Trainer<'_> {
    /// Learns from batches in one step, by a replay where there is one: their mean loss, and the gradient's norm.
    pub(super) fn take(&mut self, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        let [Batch { input: Input::Rows(rows), .. }] = batches else {
            // The gradients of several batches are of words that no other step has.
            return self.compute_plainly(batches, numbers);
        };
        let shape = Shape::of(rows);
        match self.recordings.of.get(&shape) {
            Some(Some(recording)) => {
                let told = recording.replay(rows, numbers.rules())?;
                self.recordings.replayed += 1;
                Ok(told)
            }
            Some(None) if self.recordings.left > 0 => self.record(batches, rows, shape, numbers),
            Some(None) => self.compute_plainly(batches, numbers),
            None => {
                let told = self.compute_plainly(batches, numbers)?;
                self.recordings.of.insert(shape, None);
                Ok(told)
            }
        }
    }

    /// A step whose parameters and moments may be elsewhere than recorded steps have them.
    fn compute_plainly(&mut self, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        if self.recordings.of.values().all(Option::is_none) {
            return self.compute(batches, numbers);
        }
        let before = self.places()?;
        let told = self.compute(batches, numbers)?;
        if self.places()? != before {
            self.recordings.of.clear();
        }
        Ok(told)
    }

    /// Takes a step, and records it for those of its shape that follow.
    fn record(&mut self, batches: &[Batch], rows: &Rows, shape: Shape, numbers: &Numbers) -> Result<Tensor<1>> {
        let (parameters, moments) = (copied(&self.parameters), self.optimizer.copied());
        let prepared = match self.first() {
            Some(first) => Prepared::on(first),
            None => return self.compute(batches, numbers),
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.recordings.refuse(&error);
                return self.compute(batches, numbers);
            }
        };
        let before = self.places()?;
        let told = self.compute(batches, numbers)?;
        let recording = prepared.record(rows, numbers.rules(), || self.compute(batches, numbers));
        let in_place = self.places()? == before;
        match recording {
            Ok(recording) if in_place => {
                self.recordings.of.insert(shape, Some(recording));
                self.recordings.left -= 1;
                Ok(told)
            }
            recording => {
                let error = recording.err().unwrap_or_else(|| anyhow::anyhow!("parameters were not changed in place"));
                self.recordings.refuse(&error);
                // What the recorded step would have written cannot be read any longer: back to where it was, and once more.
                self.recordings.of.clear();
                self.parameters = parameters.into_iter().map(|value| value.autodiff().tracked()).collect();
                self.optimizer.put(moments);
                self.compute(batches, numbers)
            }
        }
    }

    /// Where parameters and moments are.
    fn places(&self) -> Result<Vec<impl PartialEq + Send + 'static>> {
        let parameters = self.parameters.iter().map(|value| value.clone().inner().into_dispatch());
        parameters.chain(self.optimizer.dispatched()).map(whereabouts).collect()
    }

    fn first(&self) -> Option<DispatchTensor> {
        self.parameters.first().map(|value| value.clone().inner().into_dispatch())
    }

    /// How many steps so far were replays.
    #[must_use]
    pub fn replays(&self) -> Replays {
        let recordings = &self.recordings;
        let recorded = recordings.of.values().flatten().count();
        Replays { recorded, replayed: recordings.replayed, refused: recordings.refused.clone() }
    }
}

/// The same numbers elsewhere.
fn copied(values: &[Value]) -> Vec<Value> {
    values.iter().map(|value| value.clone().inner().copied()).collect()
}
