//! What a step is made of on a GPU: pieces that are launched, or taken again at one command.

use anyhow::Result;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::learner::Learner;
use super::step::Numbers;
use crate::kernels::{Reads, Rows, Shape};
use crate::models::Input;

/// A piece of a step.
pub enum Work<'a> {
    /// A whole step over one batch.
    Step(&'a Batch, &'a Rows, &'a Numbers),
    /// Of a step over several: to round the weights that products round,
    Round,
    /// to add a batch's loss and gradients, times a share, to the sums,
    Accumulate(&'a Batch, &'a Rows, f64),
    /// and to change the parameters by these.
    Apply(&'a Numbers),
}

/// What recorded work can be taken again for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A whole step.
    Step(Shape),
    /// Rounding.
    Round,
    /// A batch with this share, as bits.
    Accumulate(Shape, u64),
    /// An update.
    Apply,
}

impl Kind {
    /// Whether it goes forward and backward, whose memory a recording keeps.
    pub fn is_of_batch(self) -> bool {
        matches!(self, Self::Step(_) | Self::Accumulate(..))
    }
}

impl<'a> Work<'a> {
    /// What a step over batches without padding is made of; none where they have some.
    pub fn of(batches: &'a [Batch], numbers: &'a Numbers, rounds: bool) -> Option<Vec<Self>> {
        let rows = |batch: &'a Batch| match &batch.input {
            Input::Rows(rows) => Some((batch, &**rows)),
            Input::Padded(_) => None,
        };
        let batches: Vec<(&Batch, &Rows)> = batches.iter().map(rows).collect::<Option<_>>()?;
        if let [(batch, rows)] = batches[..] {
            return Some(vec![Self::Step(batch, rows, numbers)]);
        }
        let examples: usize = batches.iter().map(|(_, rows)| rows.examples()).sum();
        let share = |rows: &Rows| rows.examples() as f64 / examples as f64;
        let all = rounds.then_some(Self::Round).into_iter();
        let all = all.chain(batches.into_iter().map(|(batch, rows)| Self::Accumulate(batch, rows, share(rows))));
        Some(all.chain([Self::Apply(numbers)]).collect())
    }

    /// What it has in common with all work that one recording of it can be taken for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Step(_, rows, _) => Kind::Step(rows.shape()),
            Self::Round => Kind::Round,
            Self::Accumulate(_, rows, share) => Kind::Accumulate(rows.shape(), share.to_bits()),
            Self::Apply(_) => Kind::Apply,
        }
    }

    /// What it reads that differs from one time to the next.
    pub fn reads(&self) -> Reads<'a> {
        match self {
            Self::Step(_, rows, numbers) => Reads { rows: Some(*rows), rules: Some(&**numbers.rules()) },
            Self::Round => Reads::default(),
            Self::Accumulate(_, rows, _) => Reads { rows: Some(*rows), rules: None },
            Self::Apply(numbers) => Reads { rows: None, rules: Some(&**numbers.rules()) },
        }
    }

    /// Launches it: the mean loss and the gradient's norm, where it ends a step.
    pub fn launch(&self, learner: &mut Learner<'_>) -> Result<Option<Tensor<1>>> {
        match self {
            Self::Step(batch, _, numbers) => return learner.compute(std::slice::from_ref(*batch), numbers).map(Some),
            Self::Round => learner.round(),
            Self::Accumulate(batch, _, share) => learner.accumulate(batch, *share),
            Self::Apply(numbers) => return learner.apply(numbers).map(Some),
        }
        Ok(None)
    }
}
