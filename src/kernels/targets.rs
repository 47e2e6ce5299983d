//! The targets of a batch, as a loss reads them.

/// The targets of a batch, all of the same type.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Targets {
    /// No targets: the batch is not trained on.
    #[default]
    None,
    /// Single-label classification: a class index for each example, below the number of outputs.
    Classes(Vec<u32>),
    /// Multi-label classification: 0 or 1 for each example and label, example after example.
    Labels {
        /// `[examples * labels]`.
        values: Vec<f32>,
        /// Number of labels.
        labels: usize,
    },
    /// Regression: a number for each example.
    Values(Vec<f32>),
}

impl Targets {
    /// Returns the width of the float targets `[examples, width]`, or `None` if the targets are not floats.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        match self {
            Self::None | Self::Classes(_) => None,
            Self::Labels { labels, .. } => Some(*labels),
            Self::Values(_) => Some(1),
        }
    }
}
