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
    /// Where each token's id stands among them, or [`Words::NOWHERE`].
    pub places: Vec<u32>,
    /// The ids on a GPU.
    #[cfg(feature = "gpu")]
    pub(super) resident: super::gpu::ResidentNumbers,
}

impl Words {
    /// The place of a token of which nothing is learnt.
    pub const NOWHERE: u32 = u32::MAX;

    /// The words of some tokens, without one of which nothing is learnt.
    fn of(tokens: &[u32], unlearnt: Option<u32>) -> Self {
        let mut ids: Vec<u32> = tokens.iter().copied().filter(|id| Some(*id) != unlearnt).collect();
        // A gradient has at least one row.
        ids.extend(tokens.first().filter(|_| ids.is_empty()));
        ids.sort_unstable();
        ids.dedup();
        let place = |id: &u32| match ids.binary_search(id) {
            Ok(place) if Some(*id) != unlearnt => place as u32,
            _ => Self::NOWHERE,
        };
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

    /// The words of two batches.
    #[must_use]
    pub fn and(&self, other: &Self) -> Arc<Self> {
        Arc::new(Self::of(&[&*self.ids, &*other.ids].concat(), None))
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
        rows.words = Arc::new(Words::of(&rows.tokens, None));
        rows
    }

    /// Learning nothing of a word, that of padding: where it stands in a text, its embedding stays what it is.
    #[must_use]
    pub fn without(mut self, word: Option<u32>) -> Self {
        if word.is_some_and(|word| self.words.ids.binary_search(&word).is_ok()) {
            self.words = Arc::new(Words::of(&self.tokens, word));
        }
        self
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
