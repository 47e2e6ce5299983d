//! The assignment of examples to batches, and of batches to optimizer steps: a pure function of the seed and the step.

use std::ops::Range;
use std::vec;

use crate::plan::Trial;
use crate::random::{Purpose, Stream};
use crate::settings::Data;

/// The micro-batches of one optimizer step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepBatches {
    /// Step number, from 1.
    pub step: u64,
    /// Indices into the training split.
    pub batches: Vec<Vec<usize>>,
}

/// The micro-batches of each step of a training run, in order.
pub struct Order<'a> {
    trial: &'a Trial,
    lengths: &'a [usize],
    /// For each remaining step, the number of steps before it.
    steps: Range<u64>,
    /// The current epoch and its remaining micro-batches.
    epoch: Option<(u64, vec::IntoIter<Vec<usize>>)>,
}

impl<'a> Order<'a> {
    /// The groups for these steps, counted from 0; `lengths` are the examples' lengths in tokens.
    #[must_use]
    pub fn new(trial: &'a Trial, lengths: &'a [usize], steps: Range<u64>) -> Self {
        Self { trial, lengths, steps, epoch: None }
    }
}

impl Iterator for Order<'_> {
    type Item = StepBatches;

    fn next(&mut self) -> Option<StepBatches> {
        let done = self.steps.next()?;
        let Trial { settings, steps, .. } = self.trial;
        let accumulation = settings.training.gradient_accumulation.get();
        // Guards the division; the training split is never empty.
        let per_epoch = steps.per_epoch.max(1);
        let (epoch, before) = (done / per_epoch, done % per_epoch);
        let left = match self.epoch.take() {
            Some((current, left)) if current == epoch => left,
            _ => {
                let mut left = batches(&settings.data, settings.seed, epoch, self.lengths).into_iter();
                (0..before).for_each(|_| left.by_ref().take(accumulation).for_each(drop));
                left
            }
        };
        let (_, left) = self.epoch.insert((epoch, left));
        Some(StepBatches { step: done + 1, batches: left.take(accumulation).collect() })
    }
}

/// The micro-batches of one epoch, as indices into the training split.
#[must_use]
pub fn batches(data: &Data, seed: u64, epoch: u64, lengths: &[usize]) -> Vec<Vec<usize>> {
    let size = data.batch_size.get();
    let order = if data.shuffle {
        Stream::new(seed, Purpose::Order, epoch, 0).permutation(lengths.len())
    } else {
        (0..lengths.len()).collect()
    };
    if data.group_by_length { grouped(&order, size, lengths) } else { order.chunks(size).map(<[usize]>::to_vec).collect() }
}

/// Number of batches per stretch, within which examples are sorted by length.
const STRETCH: usize = 50;

/// Sorts stretches of the random order by length, longest first, as transformers' `LengthGroupedSampler` does. The longest
/// example overall comes first, so that running out of memory shows in the first step.
fn grouped(order: &[usize], size: usize, lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut stretches: Vec<Vec<usize>> = order.chunks(size.saturating_mul(STRETCH)).map(<[usize]>::to_vec).collect();
    for stretch in &mut stretches {
        stretch.sort_by_key(|index| std::cmp::Reverse(lengths[*index]));
    }
    if let Some(longest) =
        (0..stretches.len()).max_by_key(|stretch| (lengths[stretches[*stretch][0]], std::cmp::Reverse(*stretch)))
    {
        let moved = stretches[longest][0];
        stretches[longest][0] = stretches[0][0];
        stretches[0][0] = moved;
    }
    stretches.concat().chunks(size).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn data(shuffle: bool, group_by_length: bool) -> Data {
        Data { batch_size: NonZeroUsize::new(4).unwrap(), shuffle, group_by_length, ..Data::default() }
    }

    #[test]
    fn without_shuffling_the_order_is_the_files() {
        assert_eq!(batches(&data(false, false), 1, 0, &[5; 6]), [vec![0, 1, 2, 3], vec![4, 5]]);
    }

    #[test]
    fn every_epoch_holds_every_example_once() {
        let lengths: Vec<usize> = (0..1001).map(|i| 5 + (i * 37) % 90).collect();
        for group in [false, true] {
            let epochs = [0, 1].map(|epoch| batches(&data(true, group), 1, epoch, &lengths));
            assert_ne!(epochs[0], epochs[1]);
            for epoch in epochs {
                let mut all = epoch.concat();
                all.sort_unstable();
                assert_eq!(all, (0..1001).collect::<Vec<_>>());
                assert!(epoch[..250].iter().all(|batch| batch.len() == 4));
            }
        }
    }

    #[test]
    fn grouping_by_length_leaves_little_padding_and_leads_with_the_longest() {
        let lengths: Vec<usize> = (0..1000).map(|i| 5 + (i * 37) % 90).collect();
        let padded = |batches: &[Vec<usize>]| -> usize {
            batches.iter().map(|batch| batch.len() * batch.iter().map(|i| lengths[*i]).max().unwrap_or(0)).sum()
        };
        let tokens: usize = lengths.iter().sum();
        let grouped = batches(&data(true, true), 3, 0, &lengths);
        assert!(padded(&grouped) as f64 / tokens as f64 <= 1.05);
        assert!(padded(&batches(&data(true, false), 3, 0, &lengths)) as f64 / tokens as f64 > 1.4);
        assert_eq!(lengths[grouped[0][0]], 94);
    }
}
