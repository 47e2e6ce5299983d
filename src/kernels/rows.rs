//! A batch without padding.

use std::sync::Arc;

/// Examples end to end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// Segment ids.
    pub segments: Vec<u32>,
    /// Position of each token in its example.
    pub positions: Vec<u32>,
    /// Where each example begins, and where the last one ends.
    pub offsets: Vec<usize>,
    /// The first token of each example.
    pub firsts: Vec<u32>,
    /// The distinct words.
    pub words: Arc<Words>,
    /// The label of each example; none where nothing is learnt.
    pub labels: Vec<u32>,
    /// Its number among the batches of a training: the place of its dropout.
    pub turn: u64,
    /// What a GPU knows of it.
    #[cfg(feature = "gpu")]
    pub(super) resident: super::gpu::Resident<super::gpu::Tables>,
}

/// The distinct words of a batch: few of a vocabulary, so that their gradients are kept for them alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Their ids, ascending.
    pub ids: Vec<u32>,
    /// Where each token's id stands among them.
    pub places: Vec<u32>,
    /// The ids on a GPU.
    #[cfg(feature = "gpu")]
    pub(super) resident: super::gpu::ResidentNumbers,
}

impl Words {
    fn of(tokens: &[u32]) -> Self {
        let mut ids = tokens.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let place = |id: &u32| ids.binary_search(id).unwrap_or_else(|_| unreachable!("every token is among them")) as u32;
        Self {
            places: tokens.iter().map(place).collect(),
            ids,
            #[cfg(feature = "gpu")]
            resident: super::gpu::ResidentNumbers::default(),
        }
    }

    /// Where each of some ids stands among these words, all of which they are.
    #[must_use]
    pub fn places_of(&self, ids: &[u32]) -> Vec<u32> {
        ids.iter().map(|id| self.ids.partition_point(|other| other < id) as u32).collect()
    }

    /// The words of two batches, end to end.
    #[must_use]
    pub fn and(&self, other: &Self) -> Arc<Self> {
        let tokens = |words: &Self| words.places.iter().map(|place| words.ids[*place as usize]).collect::<Vec<_>>();
        Arc::new(Self::of(&[tokens(self), tokens(other)].concat()))
    }
}

impl Rows {
    /// Examples, each its tokens and their segments.
    #[must_use]
    pub fn new<'a>(examples: impl Iterator<Item = (&'a [u32], &'a [u32])>) -> Self {
        let mut rows = Self { offsets: vec![0], ..Self::default() };
        for (tokens, segments) in examples {
            rows.firsts.push(rows.tokens.len() as u32);
            rows.tokens.extend(tokens);
            rows.segments.extend(segments);
            rows.positions.extend((0..).take(tokens.len()));
            rows.offsets.push(rows.tokens.len());
        }
        rows.words = Arc::new(Words::of(&rows.tokens));
        rows
    }

    /// With the label of each example.
    #[must_use]
    pub fn labelled(self, labels: Vec<u32>) -> Self {
        Self { labels, ..self }
    }

    /// As the `turn`-th batch of a training.
    #[must_use]
    pub fn at(self, turn: u64) -> Self {
        Self { turn, ..self }
    }

    /// Number of examples.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Number of tokens.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Number of tokens of an example.
    #[must_use]
    pub fn length(&self, example: usize) -> usize {
        self.offsets[example + 1] - self.offsets[example]
    }
}
