//! What a batch's examples should give, as a loss reads it.

/// The targets of a batch, all of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Targets {
    /// None: nothing is learnt from the batch.
    #[default]
    None,
    /// One of several classes: an index below the number of outputs for each example.
    Classes(Vec<u32>),
    /// Any number of labels: 0 or 1 for each example and label, example after example.
    Labels {
        /// `[examples * labels]`.
        values: Vec<f32>,
        /// Number of labels.
        labels: usize,
    },
    /// A number for each example.
    Values(Vec<f32>),
}

impl Targets {
    /// Numbers for each example, where they are not indices: the width of `[examples, width]`.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        match self {
            Self::None | Self::Classes(_) => None,
            Self::Labels { labels, .. } => Some(*labels),
            Self::Values(_) => Some(1),
        }
    }
}
