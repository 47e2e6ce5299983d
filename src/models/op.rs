//! The operations that encoders are composed of, and which of them run by reference.

use crate::architecture::EncoderKind;
use crate::kernels::BatchIndices;

/// An operation with a fused and a reference implementation. (Matrix products of ragged batches always run by kernels, as
/// their factors and gradients may be bf16.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Op {
    /// `Ops::embedding`.
    Embedding,
    /// `Ops::norm_dropout`.
    NormDropout,
    /// `Ops::attention`.
    Attention,
    /// `Ops::dropout_add_norm`.
    DropoutAddNorm,
    /// `Ops::linear_gelu`.
    LinearGelu,
    /// `Ops::select_first`.
    SelectFirst,
    /// `Ops::rotary_attention`.
    RotaryAttention,
    /// `Ops::linear_geglu`.
    LinearGeglu,
    /// `Ops::mean_tokens`.
    MeanTokens,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 9] = [
        Self::Embedding,
        Self::NormDropout,
        Self::Attention,
        Self::DropoutAddNorm,
        Self::LinearGelu,
        Self::SelectFirst,
        Self::RotaryAttention,
        Self::LinearGeglu,
        Self::MeanTokens,
    ];
}

/// The operations that run by Burn's own functions even on ragged batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReferenceOps(u16);

impl ReferenceOps {
    /// Whether the set contains an operation.
    #[must_use]
    pub fn contains(self, op: Op) -> bool {
        self.0 & 1 << op as u8 != 0
    }

    /// Returns the operations of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set with more operations.
    #[must_use]
    pub fn with(self, ops: impl IntoIterator<Item = Op>) -> Self {
        Self(self.0 | ops.into_iter().collect::<Self>().0)
    }

    /// Whether any of those in this kind of encoder needs examples in the padded layout.
    #[must_use]
    pub fn needs_padded_layout(self, kind: EncoderKind) -> bool {
        match kind {
            EncoderKind::PostNorm => self.contains(Op::Attention),
            EncoderKind::PreNorm => self.contains(Op::RotaryAttention) || self.contains(Op::MeanTokens),
        }
    }
}

impl FromIterator<Op> for ReferenceOps {
    fn from_iter<T: IntoIterator<Item = Op>>(ops: T) -> Self {
        Self(ops.into_iter().fold(0, |all, op| all | 1 << op as u8))
    }
}

/// The indices that an embedding is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Token ids.
    Tokens,
    Positions,
    /// Segment ids.
    Segments,
}

impl From<Ids> for BatchIndices {
    fn from(ids: Ids) -> Self {
        match ids {
            Ids::Tokens => Self::Tokens,
            Ids::Positions => Self::Positions,
            Ids::Segments => Self::Segments,
        }
    }
}
