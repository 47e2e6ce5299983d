//! Recorded GPU work (CUDA graphs): a replay takes one command instead of hundreds of kernel launches.
//!
//! The first step of each batch shape is launched kernel by kernel. The second one is too, and is then recorded; from then on,
//! steps of this shape are replays. With gradient accumulation, each micro-batch and the update are recorded separately. If the
//! GPU refuses to record or memory is short, steps are launched as before, with the same results.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, anyhow};
use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::batch::{Batch, BatchLayout};
use super::device::{Device, Kernels};
use super::gradient_totals::AccumulatedGradients;
use super::learner::Learner;
use super::order::batches;
use super::replays::Replays;
use super::step::Numbers;
use super::step_part::{RecordingKey, StepPart};
use super::step_runner::StepRunner;
use crate::kernels::{BatchShape, PreparedDevice, Recording, bytes_reserved, memory_address};
use crate::models::Value;

/// The recorded steps of a training run.
pub struct Recordings {
    /// One entry per key seen so far; `None` if it is not recorded.
    of: HashMap<RecordingKey, Option<Recording>>,
    /// `None` if nothing more is recorded.
    budget: Option<Budget>,
    /// Consecutive refusals since the last recording.
    in_a_row: usize,
    replays: Replays,
}

/// The memory budget for recordings.
#[derive(Default)]
struct Budget {
    /// Bytes of GPU memory that the program held before the first recording.
    before: Option<u64>,
}

impl Budget {
    /// Maximum number of recordings: each one keeps its own memory for the step's intermediate results.
    const MOST: usize = 32;
    /// Maximum number if the amount of free memory is unknown.
    const MOST_UNKNOWN: usize = 4;

    /// Why no more recordings may be made, given the bytes that are free and the bytes that the program holds.
    fn forbids(&mut self, recorded: usize, free: Option<u64>, held: u64) -> Option<&'static str> {
        let Some(free) = free else {
            return (recorded >= Self::MOST_UNKNOWN).then_some("the driver does not say how much memory is free");
        };
        let before = *self.before.get_or_insert(held);
        // A step needs less memory than the program held in total, and so does the temporary copy of all parameters and moments.
        if free < 2 * before {
            return Some("too little memory is free");
        }
        (recorded >= Self::MOST).then_some("there are many")
    }
}

impl Recordings {
    /// Number of consecutive refusals after which the GPU is not asked again.
    const PATIENCE: usize = 3;

    /// The recordings of a training run on this device, empty at first.
    pub fn on(device: &Device) -> Self {
        let records = device.is_gpu() && device.kernels() == Kernels::Fused && device.records();
        Self { of: HashMap::new(), budget: records.then(Budget::default), in_a_row: 0, replays: Replays::default() }
    }

    /// Whether another recording may be made.
    fn may_grow(&mut self, learner: &Learner<'_>) -> Result<bool> {
        let recorded = self.of.iter().filter(|(key, recording)| key.is_of_batch() && recording.is_some()).count();
        let Some(budget) = &mut self.budget else { return Ok(false) };
        let held = dispatched(learner).next().map(bytes_reserved).transpose()?.unwrap_or_default();
        if let Some(why) = budget.forbids(recorded, learner.device.free_memory(), held) {
            self.budget = None;
            self.replays.why_not = Some(why.into());
        }
        Ok(self.budget.is_some())
    }

    fn keep(&mut self, key: RecordingKey, recording: Recording) {
        self.of.insert(key, Some(recording));
        self.replays.recorded += usize::from(key.is_of_batch());
        self.in_a_row = 0;
    }

    /// Drops all recordings: they write to memory that no longer holds the parameters.
    fn forget(&mut self) {
        self.of.values_mut().for_each(|recording| *recording = None);
    }

    fn refuse(&mut self, error: &anyhow::Error) {
        self.in_a_row += 1;
        self.replays.count_refusal(&format!("{error:#}"));
        if self.in_a_row == Self::PATIENCE {
            self.budget = None;
        }
    }
}

impl StepRunner for Recordings {
    /// Takes a step, with replays where recordings exist.
    fn step(&mut self, learner: &mut Learner<'_>, batches: &[Batch], numbers: &Numbers) -> Result<Tensor<1>> {
        let Some(all) = StepPart::of(batches, numbers, learner.rounds()) else {
            return learner.compute(batches, numbers);
        };
        let (mut output, mut replays) = (None, true);
        for part in all {
            let (numbers, is_replay) = self.run(learner, &part)?;
            (output, replays) = (numbers, replays && is_replay);
        }
        self.replays.replayed += u64::from(replays);
        output.ok_or_else(|| anyhow!("a step without examples"))
    }

    /// The first batch of each shape.
    fn tuning_batches(&self, learner: &Learner<'_>, epoch: u64, lengths: &[usize]) -> Vec<Vec<usize>> {
        /// Maximum number of batches; kernels for other shapes are tuned when they first occur.
        const MOST: usize = 32;
        let (trial, device) = (learner.trial, learner.device);
        if device.kernels() != Kernels::Fused {
            return Vec::new();
        }
        let is_padded = BatchLayout::of(trial).reference_ops(device).needs_padded_layout(trial.architecture.kind());
        let mut shapes = HashSet::new();
        let mut is_new = |batch: &Vec<usize>| shapes.insert(BatchShape::of(batch.iter().map(|index| lengths[*index]), is_padded));
        let batches = batches(&trial.settings.data, trial.settings.seed, epoch, lengths);
        batches.into_iter().filter(|batch| is_new(batch)).take(MOST).collect()
    }

    fn replays(&self) -> Replays {
        self.replays.clone()
    }
}

impl Recordings {
    /// Runs a part of a step. Returns the loss and the gradient norm, if the part ends the step, and whether it was a replay.
    fn run(&mut self, learner: &mut Learner<'_>, part: &StepPart<'_>) -> Result<(Option<Tensor<1>>, bool)> {
        let key = part.key();
        if let Some(Some(recording)) = self.of.get(&key) {
            return Ok((recording.replay(part.inputs())?, true));
        }
        let output = if self.of.contains_key(&key) && self.is_settled(learner, key) && self.may_grow(learner)? {
            self.record(learner, part)?
        } else {
            self.launch(learner, part)?
        };
        self.of.entry(key).or_insert(None);
        Ok((output, false))
    }

    /// Whether everything that the recording would capture is in its final place in memory: accumulation only after the first
    /// update, and, if weights are rounded, after their rounding has been recorded.
    fn is_settled(&self, learner: &Learner<'_>, key: RecordingKey) -> bool {
        let moves = || learner.rounds() && !self.of.get(&RecordingKey::Round).is_some_and(Option::is_some);
        !matches!(key, RecordingKey::Accumulate(..)) || (self.of.contains_key(&RecordingKey::Apply) && !moves())
    }

    /// Launches a part, which may move what it changes to other memory.
    fn launch(&mut self, learner: &mut Learner<'_>, part: &StepPart<'_>) -> Result<Option<Tensor<1>>> {
        if self.of.values().all(Option::is_none) {
            return part.launch(learner);
        }
        let before = places(learner)?;
        let output = part.launch(learner)?;
        if places(learner)? != before {
            self.forget();
        }
        Ok(output)
    }

    /// Launches a part of a step, and records it for later parts with the same key.
    fn record(&mut self, learner: &mut Learner<'_>, part: &StepPart<'_>) -> Result<Option<Tensor<1>>> {
        let copy = LearnerCopy::of(learner);
        let first = dispatched(learner).next().ok_or_else(|| anyhow!("a model without parameters"))?;
        let prepared = match PreparedDevice::on(first) {
            Ok(prepared) => prepared,
            Err(error) => {
                self.refuse(&error);
                return self.launch(learner, part);
            }
        };
        let output = self.launch(learner, part)?;
        let before = places(learner)?;
        let recording = prepared.record(part.inputs(), || {
            if learner.device.faults().refuse_recordings {
                // Uploads are not allowed while a GPU records.
                drop(Tensor::<1>::from_data([0.0], learner.device.plain()));
            }
            part.launch(learner)
        });
        let error = match recording {
            Ok(recording) if places(learner)? == before => {
                if part.key() == RecordingKey::Round {
                    // From now on, the rounded weights live where the recording writes them.
                    recording.replay(part.inputs())?;
                }
                self.keep(part.key(), recording);
                return Ok(output);
            }
            Ok(_) => anyhow!("parameters were not changed in place"),
            Err(error) => error,
        };
        self.refuse(&error);
        // What the recorded work would have written is unreadable now: restore the copy and launch the part again.
        self.forget();
        copy.restore(learner);
        part.launch(learner)
    }
}

/// A copy of all state that a step changes.
struct LearnerCopy {
    parameters: Vec<Value>,
    moments: Vec<Option<(Value, Value)>>,
    accumulated: AccumulatedGradients,
}

impl LearnerCopy {
    fn of(learner: &Learner<'_>) -> Self {
        Self {
            parameters: learner.parameters.iter().map(|value| value.clone().inner().copied()).collect(),
            moments: learner.optimizer.copied(),
            accumulated: learner.accumulated.copied(&learner.parameters),
        }
    }

    fn restore(self, learner: &mut Learner<'_>) {
        learner.parameters = self.parameters.into_iter().map(|value| value.autodiff().tracked()).collect();
        learner.optimizer.put(self.moments);
        learner.accumulated = self.accumulated;
    }
}

/// The tensors that a step changes in place: parameters, moments and gradient totals.
fn dispatched(learner: &Learner<'_>) -> impl Iterator<Item = DispatchTensor> {
    let parameters = learner.parameters.iter().map(|value| value.clone().inner().into_dispatch());
    parameters.chain(learner.optimizer.dispatched()).chain(learner.accumulated.dispatched())
}

fn places(learner: &Learner<'_>) -> Result<Vec<impl PartialEq + Send + 'static>> {
    dispatched(learner).map(memory_address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_no_more_than_there_is_memory_for() {
        const GIB: u64 = 1 << 30;
        // The limit depends on what the program held at first, not on what its recordings have taken since.
        let mut budget = Budget::default();
        assert_eq!(budget.forbids(0, Some(20 * GIB), 3 * GIB), None);
        assert_eq!(budget.forbids(1, Some(6 * GIB), 17 * GIB), None);
        assert_eq!(budget.forbids(2, Some(5 * GIB), 18 * GIB), Some("too little memory is free"));
        assert_eq!(budget.forbids(32, Some(60 * GIB), 18 * GIB), Some("there are many"));
        let mut unknown = Budget::default();
        assert_eq!(unknown.forbids(3, None, GIB), None);
        assert!(unknown.forbids(4, None, GIB).is_some());
    }
}
