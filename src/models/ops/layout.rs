//! The padded layout `[examples · length, d]` of hidden states, for operations that need examples of equal length.

use burn::tensor::{Int, Tensor};

use crate::kernels::{BatchIndices, BatchNumbers};
use crate::models::input::Input;

/// How a batch's rows map to the padded layout.
pub struct PaddedLayout {
    pub examples: usize,
    /// Rows per example.
    pub length: usize,
    /// 1 for a token, 0 for padding: `[examples, length]`.
    pub token_mask: Tensor<2>,
    /// The row mapping of a ragged batch; `None` if the rows are already padded.
    ragged: Option<RaggedRows>,
}

struct RaggedRows {
    to_padded: Tensor<1, Int>,
    from_padded: Tensor<1, Int>,
}

impl PaddedLayout {
    /// Returns the padded layout of a batch, on the device of `beside`.
    pub fn new(input: &Input, beside: &Tensor<2>) -> Self {
        match input {
            Input::Padded(batch) => {
                Self { examples: batch.examples(), length: batch.length, token_mask: batch.token_mask.clone(), ragged: None }
            }
            Input::Ragged { batch, .. } => {
                let (examples, length) = (batch.examples(), batch.padded_length());
                Self {
                    examples,
                    length,
                    token_mask: batch.numbers_on(beside, BatchNumbers::TokenMask).reshape([examples, length]),
                    ragged: Some(RaggedRows {
                        to_padded: batch.indices_on(beside, BatchIndices::ToPadded),
                        from_padded: batch.indices_on(beside, BatchIndices::FromPadded),
                    }),
                }
            }
        }
    }

    /// Returns the rows in the padded layout, with zeros for padding.
    pub fn pad(&self, x: Tensor<2>) -> Tensor<2> {
        match &self.ragged {
            // Padding selects an arbitrary row, times 0.
            Some(ragged) => {
                let factors = self.token_mask.clone().reshape([self.examples * self.length, 1]);
                x.select(0, ragged.to_padded.clone()) * factors
            }
            None => x,
        }
    }

    /// Returns the rows of the tokens, without padding.
    pub fn unpad(&self, x: Tensor<2>) -> Tensor<2> {
        match &self.ragged {
            Some(ragged) => x.select(0, ragged.from_padded.clone()),
            None => x,
        }
    }
}
