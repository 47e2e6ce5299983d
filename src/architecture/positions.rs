//! Position ids.

/// The position ids of an example's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Positions {
    /// 0, 1, 2, …
    #[default]
    FromZero,
    /// As in RoBERTa: tokens are counted from `padding + 1`. The padding token itself, wherever it occurs, has the position
    /// `padding`, which is not trained, and is not counted.
    AfterPadding(u32),
    /// There are no absolute positions; every id is 0.
    Absent,
}

impl Positions {
    /// Returns the position id of each token of an example.
    pub fn of(self, tokens: &[u32]) -> impl Iterator<Item = u32> {
        let mut next = self.first();
        tokens.iter().map(move |token| match self {
            Self::AfterPadding(padding) if *token == padding => padding,
            Self::Absent => 0,
            Self::FromZero | Self::AfterPadding(_) => {
                next += 1;
                next - 1
            }
        })
    }

    /// The first counted position.
    #[must_use]
    pub fn first(self) -> u32 {
        match self {
            Self::FromZero | Self::Absent => 0,
            Self::AfterPadding(padding) => padding + 1,
        }
    }

    /// The position that is not trained, torch's `padding_idx`.
    #[must_use]
    pub fn untrained(self) -> Option<u32> {
        match self {
            Self::FromZero | Self::Absent => None,
            Self::AfterPadding(padding) => Some(padding),
        }
    }
}
