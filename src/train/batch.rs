//! From examples to a padded batch on the device.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::models::Input;
use crate::tokens::Encoded;

/// A batch of examples on the device.
pub struct Batch {
    /// Tokens.
    pub input: Input,
    /// Labels: `[examples]`.
    pub labels: Tensor<1, Int>,
}

impl Batch {
    /// Pads examples to the longest of them, rounded up to a multiple of `multiple` (but not above `limit`).
    #[must_use]
    pub fn new(examples: &[&Encoded], multiple: usize, limit: usize, pad: u32, device: &Device) -> Self {
        let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
        let longest = lengths.iter().copied().max().unwrap_or(1);
        let length = longest.next_multiple_of(multiple).min(limit).max(longest);
        let padded = |values: fn(&Encoded) -> &[u32], fill: u32| -> Vec<i32> {
            let row = |example: &&Encoded| {
                let values = values(example);
                let padding = std::iter::repeat_n(fill, length - values.len());
                values.iter().copied().chain(padding).map(u32::cast_signed).collect::<Vec<_>>()
            };
            examples.iter().flat_map(row).collect()
        };
        let tokens = padded(|example| &example.tokens, pad);
        let segments = padded(|example| &example.segments, 0);
        let labels: Vec<i32> = examples.iter().map(|example| i32::try_from(example.label).unwrap_or(0)).collect();
        let count = labels.len();
        Self {
            input: Input::new(tokens, segments, &lengths, length, device),
            labels: Tensor::from_data(TensorData::new(labels, [count]), &device.clone().without_autodiff()),
        }
    }
}
