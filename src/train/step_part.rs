//! The parts of a GPU step. Each is launched kernel by kernel, or replayed with one command.

use anyhow::Result;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::learner::Learner;
use super::step::Numbers;
use crate::kernels::{BatchShape, RecordingInputs, ResidentBatch};
use crate::models::Input;

pub enum StepPart<'a> {
    /// A whole step over one batch.
    Step(&'a Batch, &'a ResidentBatch, &'a Numbers),
    /// With gradient accumulation: rounding the weights that matrix products read.
    Round,
    /// Adding the loss and the gradients of a micro-batch, scaled by its share, to the totals.
    Accumulate(&'a Batch, &'a ResidentBatch, f64),
    /// Updating the parameters from the totals.
    Apply(&'a Numbers),
}

/// The key of a recording; all parts with the same key can be replayed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingKey {
    /// A whole step.
    Step(BatchShape),
    /// Rounding.
    Round,
    /// A micro-batch; its share is stored as bits.
    Accumulate(BatchShape, u64),
    /// An update.
    Apply,
}

impl RecordingKey {
    /// Whether it includes forward and backward passes, whose memory a recording keeps.
    pub fn is_of_batch(self) -> bool {
        matches!(self, Self::Step(_) | Self::Accumulate(..))
    }
}

impl<'a> StepPart<'a> {
    /// Splits a step over ragged batches into its parts, in order; `None` for padded batches.
    pub fn of(batches: &'a [Batch], numbers: &'a Numbers, rounds: bool) -> Option<Vec<Self>> {
        let rows = |batch: &'a Batch| match &batch.input {
            Input::Ragged { batch: rows, .. } => Some((batch, &**rows)),
            Input::Padded(_) => None,
        };
        let batches: Vec<(&Batch, &ResidentBatch)> = batches.iter().map(rows).collect::<Option<_>>()?;
        if let [(batch, rows)] = batches[..] {
            return Some(vec![Self::Step(batch, rows, numbers)]);
        }
        let examples: usize = batches.iter().map(|(_, rows)| rows.examples()).sum();
        let share = |rows: &ResidentBatch| rows.examples() as f64 / examples as f64;
        let all = rounds.then_some(Self::Round).into_iter();
        let all = all.chain(batches.into_iter().map(|(batch, rows)| Self::Accumulate(batch, rows, share(rows))));
        Some(all.chain([Self::Apply(numbers)]).collect())
    }

    /// The key of its recording.
    pub fn key(&self) -> RecordingKey {
        match self {
            Self::Step(_, rows, _) => RecordingKey::Step(rows.shape()),
            Self::Round => RecordingKey::Round,
            Self::Accumulate(_, rows, share) => RecordingKey::Accumulate(rows.shape(), share.to_bits()),
            Self::Apply(_) => RecordingKey::Apply,
        }
    }

    /// The inputs that change between replays.
    pub fn inputs(&self) -> RecordingInputs<'a> {
        match self {
            Self::Step(_, rows, numbers) => RecordingInputs { batch: Some(*rows), rules: Some(&**numbers.rules()) },
            Self::Round => RecordingInputs::default(),
            Self::Accumulate(_, rows, _) => RecordingInputs { batch: Some(*rows), rules: None },
            Self::Apply(numbers) => RecordingInputs { batch: None, rules: Some(&**numbers.rules()) },
        }
    }

    /// Launches the part. Returns the mean loss and the gradient norm, `[2]`, if it ends the step.
    pub fn launch(&self, learner: &mut Learner<'_>) -> Result<Option<Tensor<1>>> {
        match self {
            Self::Step(batch, _, numbers) => return learner.compute(std::slice::from_ref(*batch), numbers).map(Some),
            Self::Round => learner.round(),
            Self::Accumulate(batch, _, share) => learner.accumulate(batch, *share)?,
            Self::Apply(numbers) => return learner.apply(numbers).map(Some),
        }
        Ok(None)
    }
}
