//! A batch without padding.

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
}

impl Rows {
    /// Adds an example.
    pub fn push(&mut self, tokens: &[u32], segments: &[u32]) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.tokens.extend(tokens);
        self.segments.extend(segments);
        self.positions.extend((0..).take(tokens.len()));
        self.offsets.push(self.tokens.len());
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

    /// The first token of each example.
    #[must_use]
    pub fn firsts(&self) -> Vec<u32> {
        self.offsets[..self.examples()].iter().map(|offset| *offset as u32).collect()
    }
}
