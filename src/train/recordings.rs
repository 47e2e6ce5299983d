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
use super::replays::Replays;
use super::step::Numbers;
use super::trainer::Trainer;
use crate::kernels::{Prepared, Recording, Rows, Shape, whereabouts};
use crate::models::{Input, Value};
use crate::room::Room;
use crate::tokens::Encoded;

/// What is recorded of a training.
pub struct Recordings {
    /// None of a shape that was met and not recorded.
    of: HashMap<Shape, Option<Recording>>,
    /// How many more there may be.
    left: usize,
    /// Whether it is known how many there is memory for.
    is_measured: bool,
    replayed: u64,
    refusals: usize,
    /// Why there are no more.
    refused: Option<String>,
}

impl Recordings {
    /// Each keeps memory of its own for what a step computes.
    const MOST: usize = 32;
    /// A GPU that refused as often is not asked again: a pool of memory may have no room once.
    const PATIENCE: usize = 3;

    /// Of a training on this device.
    pub fn on(device: &Device) -> Self {
        let records = device.is_gpu() && device.kernels() == Kernels::Fused && device.records();
        let left = if records { Self::MOST } else { 0 };
        Self { of: HashMap::new(), left, is_measured: false, replayed: 0, refusals: 0, refused: None }
    }

    /// Whether there may be one more.
    fn may_grow(&mut self, device: &Device) -> bool {
        if self.left > 0 && !self.is_measured {
            self.is_measured = true;
            if let Some(Room { free, largest }) = device.room() {
                // A step's memory is less than all that the program uses, and the first recording takes copies of all
                // parameters and moments meanwhile.
                self.left = self.left.min(usize::try_from(free / largest.max(1)).unwrap_or(0).saturating_sub(1));
                if self.left == 0 {
                    self.refused = Some("too little of the GPU's memory is free".into());
                }
            }
        }
        self.left > 0
    }

    /// What there is to say of them.
    pub fn replays(&self) -> Replays {
        Replays { recorded: self.of.values().flatten().count(), replayed: self.replayed, refused: self.refused.clone() }
    }

    fn refuse(&mut self, error: &anyhow::Error) {
        self.refusals += 1;
        if self.refusals < Self::PATIENCE {
            return;
        }
        self.left = 0;
        // The runtime's last cause is its first; behind it come traces.
        let all = format!("{error:#}");
        let causes = all.split("Backtrace:").next().unwrap_or_default();
        self.refused = causes.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_string);
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
        if let Some(Some(recording)) = self.recordings.of.get(&shape) {
            let told = recording.replay(rows, numbers.rules())?;
            self.recordings.replayed += 1;
            return Ok(told);
        }
        // The first step of all makes the moments.
        let is_ready = self.steps > 0 && self.recordings.of.contains_key(&shape);
        if is_ready && self.recordings.may_grow(self.device) {
            return self.record(batches, rows, shape, numbers);
        }
        let told = self.compute_plainly(batches, numbers)?;
        self.recordings.of.entry(shape).or_insert(None);
        Ok(told)
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
        let recording = prepared.record(rows, numbers.rules(), || {
            #[cfg(feature = "webgpu")]
            if self.device.spoils_recordings() {
                // Nothing may be sent to a GPU that records.
                drop(Tensor::<1>::from_data([0.0], self.device.plain()));
            }
            self.compute(batches, numbers)
        });
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

    /// Goes forward and backward over the first of these batches of each shape, and learns nothing: their kernels are tuned,
    /// and their steps are recorded when they are taken.
    pub(super) fn tune(&mut self, examples: &[Encoded], batches: &[Vec<usize>]) {
        for indices in batches {
            if self.recordings.of.len() >= Recordings::MOST {
                break;
            }
            let batch = self.batch(examples, indices);
            let Input::Rows(rows) = &batch.input else { break };
            let shape = Shape::of(rows);
            if !self.recordings.of.contains_key(&shape) {
                drop(self.differentiate(&batch, &self.leaves(), 1.0));
                self.recordings.of.insert(shape, None);
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
}

/// The same numbers elsewhere.
fn copied(values: &[Value]) -> Vec<Value> {
    values.iter().map(|value| value.clone().inner().copied()).collect()
}
