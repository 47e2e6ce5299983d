//! Checkpoints in transformers' layout: `config.json`, weights, tokenizer files.

mod classifier;
mod files;
mod format;
mod groups;
mod initialize;
mod name;
mod shards;
mod tensors;
mod weights;
mod write;

pub use classifier::Classifier;
pub use files::{Files, SENTENCEPIECE_FILES, read_architecture};
pub use initialize::{Initial, TensorSummary, initialize};
pub use name::{CheckpointName, RUN_PREFIX};
pub use tensors::{read_tensors, tensor_bytes};
pub use weights::Weights;
pub use write::Template;

use crate::architecture::Role;

/// A parameter in host memory, row-major, in checkpoint layout.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Size of each dimension.
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl HostTensor {
    /// The transposed matrix.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let (rows, columns) = (self.shape[0], self.shape[1]);
        let mut values = Vec::with_capacity(self.values.len());
        for column in 0..columns {
            values.extend((0..rows).map(|row| self.values[row * columns + column]));
        }
        Self { shape: vec![columns, rows], values }
    }

    /// The rows in another order, or the elements of a vector.
    #[must_use]
    pub fn rows_in_order(&self, order: &[usize]) -> Self {
        let width: usize = self.shape[1..].iter().product();
        let values = order.iter().flat_map(|row| &self.values[row * width..(row + 1) * width]).copied().collect();
        Self { shape: self.shape.clone(), values }
    }

    /// Converts from checkpoint layout to device layout, in which linear weights are `[in, out]`.
    #[must_use]
    pub fn in_device_layout(self, role: Role) -> Self {
        if role.is_transposed() { self.transposed() } else { self }
    }
}
