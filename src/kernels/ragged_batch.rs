//! A batch without padding.

use std::sync::Arc;

use super::resident::{ResidentBatch, ResidentTokens};
use super::targets::Targets;
use crate::architecture::Positions;

/// Examples concatenated, one row per token.
#[derive(Clone, Debug, Default)]
pub struct RaggedBatch {
    /// Token ids: `[rows]`.
    pub tokens: Vec<u32>,
    /// Segment ids: `[rows]`.
    pub segments: Vec<u32>,
    /// Position id of each token: `[rows]`.
    pub positions: Vec<u32>,
    /// How position ids are counted.
    pub position_rule: Positions,
    /// Row where each example begins, followed by the end of the last one: `[examples + 1]`.
    pub offsets: Vec<usize>,
    /// Row of each example's first token: `[examples]`.
    pub first_rows: Vec<u32>,
    /// The distinct tokens.
    pub unique: Arc<ResidentTokens>,
    /// The targets of the examples.
    pub targets: Targets,
    /// The batch's number in the training run, which is part of the dropout counter.
    pub number: u64,
    /// The token whose embedding gets no gradient.
    pub ignored: Option<u32>,
    /// Whether an operation needs the padded layout, whose index tables are then built too.
    pub is_padded: bool,
}

/// Rounds up to one of few sizes, eight per doubling, so that few shapes occur. Adds less than an eighth, or less than 8.
pub fn few_sizes(count: usize) -> usize {
    let below = 1 << count.max(1).ilog2();
    count.max(1).next_multiple_of((below / 8).max(FINEST))
}

/// Every size is a multiple of this.
const FINEST: usize = 8;

/// The distinct tokens of a batch, like `torch.unique(tokens, return_inverse=True)`: a small part of the vocabulary, so
/// gradients of its embeddings are stored only for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UniqueTokens {
    /// Token ids, ascending.
    pub ids: Vec<u32>,
    /// Index of each row's token in `ids`, or [`UniqueTokens::NONE`].
    pub inverse: Vec<u32>,
}

impl UniqueTokens {
    /// The index of a token whose embedding gets no gradient.
    pub const NONE: u32 = u32::MAX;

    /// Returns the distinct values of `tokens`, without `ignored`, which gets no gradient.
    #[must_use]
    pub fn of(tokens: &[u32], ignored: Option<u32>) -> Self {
        let mut ids: Vec<u32> = tokens.iter().copied().filter(|id| Some(*id) != ignored).collect();
        // Keep at least one id: a gradient has at least one row.
        ids.extend(tokens.first().filter(|_| ids.is_empty()));
        ids.sort_unstable();
        ids.dedup();
        let place = |id: &u32| match ids.binary_search(id) {
            Ok(place) if Some(*id) != ignored => place as u32,
            _ => Self::NONE,
        };
        Self { inverse: tokens.iter().map(place).collect(), ids }
    }

    /// Returns the index of each of `ids`, all of which must be in the set.
    #[must_use]
    pub fn places_of(&self, ids: &[u32]) -> Vec<u32> {
        ids.iter().map(|id| self.ids.partition_point(|other| other < id) as u32).collect()
    }

    /// Returns the distinct tokens of two batches.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of(&[&*self.ids, &*other.ids].concat(), None)
    }
}

impl RaggedBatch {
    /// Creates a batch from the token ids and segment ids of each example.
    #[must_use]
    pub fn new<'a>(examples: impl Iterator<Item = (&'a [u32], &'a [u32])>) -> Self {
        let mut batch = Self { offsets: vec![0], ..Self::default() };
        for (tokens, segments) in examples {
            batch.first_rows.push(batch.tokens.len() as u32);
            batch.tokens.extend(tokens);
            batch.segments.extend(segments);
            batch.positions.extend((0..).take(tokens.len()));
            batch.offsets.push(batch.tokens.len());
        }
        batch.unique = Arc::new(UniqueTokens::of(&batch.tokens, None).into());
        batch
    }

    /// Excludes `token`, the padding token, from the embedding's gradient even if it occurs in a text, like torch's
    /// `padding_idx`.
    #[must_use]
    pub fn ignoring(mut self, token: Option<u32>) -> Self {
        if token.is_some_and(|token| self.unique.ids.binary_search(&token).is_ok()) {
            self.unique = Arc::new(UniqueTokens::of(&self.tokens, token).into());
        }
        Self { ignored: token, ..self }
    }

    /// Counts position ids by a rule; otherwise, they count from 0.
    #[must_use]
    pub fn positioned(mut self, rule: Positions) -> Self {
        self.positions.clear();
        for ends in self.offsets.windows(2) {
            self.positions.extend(rule.of(&self.tokens[ends[0]..ends[1]]));
        }
        Self { position_rule: rule, ..self }
    }

    /// Returns the row of the token at each counted position, example by example: entry `offsets[e] + p` belongs to the p-th
    /// counted token of example e. Entries without a token are [`UniqueTokens::NONE`], because positions that are not counted
    /// are not trained.
    #[must_use]
    pub fn rows_by_position(&self) -> Vec<u32> {
        let mut rows = vec![UniqueTokens::NONE; self.rows()];
        for ends in self.offsets.windows(2) {
            let counted = (ends[0]..ends[1]).filter(|row| self.positions[*row] >= self.position_rule.first());
            for (slot, row) in rows[ends[0]..ends[1]].iter_mut().zip(counted) {
                *slot = row as u32;
            }
        }
        rows
    }

    /// Sets the targets.
    #[must_use]
    pub fn with_targets(self, targets: Targets) -> Self {
        Self { targets, ..self }
    }

    /// Sets the batch's number in the training run.
    #[must_use]
    pub fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    /// Adds the padded layout, for operations without a ragged kernel.
    #[must_use]
    pub fn with_padded_layout(self) -> Self {
        Self { is_padded: true, ..self }
    }

    /// Wraps the batch for use by kernels.
    #[must_use]
    pub fn resident(self) -> Arc<ResidentBatch> {
        Arc::new(self.into())
    }

    /// Returns the number of examples.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Returns the number of tokens.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }

    /// Returns the number of tokens of an example.
    #[must_use]
    pub fn length(&self, example: usize) -> usize {
        self.offsets[example + 1] - self.offsets[example]
    }

    /// Returns the number of tokens of each example.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.offsets.windows(2).map(|ends| ends[1] - ends[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_filled_up_to_few_sizes_and_by_little() {
        let sizes: std::collections::BTreeSet<usize> = (1..=4096).map(few_sizes).collect();
        assert!(sizes.len() <= 8 * 6 + 8, "{}", sizes.len());
        for tokens in 1..=4096 {
            let filled = few_sizes(tokens);
            assert!(filled >= tokens && filled < tokens + (tokens / 8).max(FINEST), "{tokens} and {filled}");
        }
        assert_eq!([1, 8, 9, 65, 424, 1700].map(few_sizes), [8, 8, 16, 72, 448, 1792]);
    }
}
