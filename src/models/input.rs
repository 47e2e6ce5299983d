//! The input of a model.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::op::{Ids, Op, ReferenceOps};
use crate::architecture::Positions;
use crate::kernels::{BatchIndices, BatchNumbers, ResidentBatch, Targets};

/// A batch for a model.
// Only one exists at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Input {
    /// Padded to one length, for Burn's own operations on any device.
    Padded(PaddedBatch),
    /// Without padding, for kernels.
    Ragged {
        batch: Arc<ResidentBatch>,
        /// The operations that run by reference nonetheless.
        by_reference: ReferenceOps,
    },
}

impl Input {
    /// Returns the batch if an operation runs by its kernel.
    pub(super) fn fused(&self, op: Op) -> Option<&Arc<ResidentBatch>> {
        match self {
            Self::Ragged { batch, by_reference } if !by_reference.contains(op) => Some(batch),
            Self::Ragged { .. } | Self::Padded(_) => None,
        }
    }

    /// Whether the gradient of the token embeddings has rows only for the batch's distinct tokens.
    #[must_use]
    pub fn has_sparse_embeddings(&self) -> bool {
        self.fused(Op::Embedding).is_some()
    }

    #[must_use]
    pub fn examples(&self) -> usize {
        match self {
            Self::Padded(batch) => batch.examples(),
            Self::Ragged { batch, .. } => batch.examples(),
        }
    }

    /// Returns the batch's number in the training run.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::Padded(batch) => batch.number,
            Self::Ragged { batch, .. } => batch.number,
        }
    }

    /// Returns the targets of the examples.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        match self {
            Self::Padded(batch) => &batch.targets,
            Self::Ragged { batch, .. } => &batch.targets,
        }
    }

    /// Returns the class of each example, `[examples]`, on the device of the model's outputs.
    #[must_use]
    pub fn target_classes(&self, outputs: &Tensor<2>) -> Tensor<1, Int> {
        match self {
            Self::Ragged { batch, .. } => batch.indices_on(outputs, BatchIndices::Classes),
            Self::Padded(batch) => {
                let Targets::Classes(classes) = &batch.targets else { unreachable!("the targets are classes") };
                indices(classes.iter().map(|class| class.cast_signed()).collect(), &outputs.device())
            }
        }
    }

    /// Returns the float targets, `[examples, width]`: 0 or 1 for each label, or a value per example. They are on the device
    /// of the model's outputs.
    #[must_use]
    pub fn target_numbers(&self, outputs: &Tensor<2>) -> Tensor<2> {
        let width = self.targets().width().unwrap_or(0);
        let numbers = match self {
            Self::Ragged { batch, .. } => batch.numbers_on(outputs, BatchNumbers::Targets),
            Self::Padded(batch) => {
                let numbers = match &batch.targets {
                    Targets::Labels { values, .. } | Targets::Values(values) => values.clone(),
                    Targets::None | Targets::Classes(_) => Vec::new(),
                };
                let count = numbers.len();
                Tensor::from_data(TensorData::new(numbers, [count]), &outputs.device().without_autodiff())
            }
        };
        numbers.reshape([self.examples(), width])
    }

    /// Sets the padding token's row to zero in the gradient of the whole token embedding table, as torch's `padding_idx` does.
    #[must_use]
    pub fn without_padding_token(&self, gradient: Tensor<2>) -> Tensor<2> {
        let token = match self {
            Self::Padded(batch) => batch.ignored,
            Self::Ragged { batch, .. } => batch.ignored,
        };
        without_row(gradient, token)
    }

    /// Sets the padding position's row to zero in the gradient of the position embedding table, if the model has one.
    #[must_use]
    pub fn without_padding_position(&self, gradient: Tensor<2>) -> Tensor<2> {
        // The kernel leaves it out.
        let position = match self {
            Self::Padded(batch) => batch.position_rule.untrained(),
            Self::Ragged { .. } if self.has_sparse_embeddings() => None,
            Self::Ragged { batch, .. } => batch.position_rule.untrained(),
        };
        without_row(gradient, position)
    }
}

fn without_row(gradient: Tensor<2>, row: Option<u32>) -> Tensor<2> {
    let Some(index) = row.map(|row| row as usize) else { return gradient };
    let row = gradient.clone().slice([index..index + 1, 0..gradient.dims()[1]]);
    gradient.slice_assign([index..index + 1, 0..row.dims()[1]], row.zeros_like())
}

fn indices(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), &device.clone().without_autodiff())
}

/// A batch of padded token sequences on a device: token t of example e is row e · length + t.
#[derive(Clone, Debug)]
pub struct PaddedBatch {
    /// `[examples · length]`.
    tokens: Tensor<1, Int>,
    /// `[examples · length]`.
    segments: Tensor<1, Int>,
    /// `[examples · length]`; `None` if they count from 0.
    positions: Option<Tensor<1, Int>>,
    position_rule: Positions,
    /// 1 for a token, 0 for padding: `[examples, length]`.
    pub(super) token_mask: Tensor<2>,
    /// Rows per example.
    pub(super) length: usize,
    /// Number of tokens before each example, without padding, followed by the total.
    offsets: Vec<usize>,
    /// The token whose embedding gets no gradient.
    ignored: Option<u32>,
    targets: Targets,
    number: u64,
}

impl PaddedBatch {
    /// Uploads a batch of `lengths.len()` sequences padded to `length`; `tokens` and `segments` are row-major.
    #[must_use]
    pub fn new(tokens: Vec<i32>, segments: Vec<i32>, lengths: &[usize], length: usize, device: &Device) -> Self {
        let mut offsets = vec![0];
        let mut mask = vec![0.0_f32; lengths.len() * length];
        for (row, used) in mask.chunks_mut(length).zip(lengths) {
            row[..*used].fill(1.0);
            offsets.push(offsets[offsets.len() - 1] + used);
        }
        let mask = TensorData::new(mask, [lengths.len(), length]);
        Self {
            tokens: indices(tokens, device),
            segments: indices(segments, device),
            positions: None,
            position_rule: Positions::FromZero,
            token_mask: Tensor::from_data(mask, &device.clone().without_autodiff()),
            length,
            offsets,
            ignored: None,
            targets: Targets::None,
            number: 0,
        }
    }

    /// Excludes `token`, the padding token, from the embedding's gradient.
    #[must_use]
    pub fn ignoring(self, token: Option<u32>) -> Self {
        Self { ignored: token, ..self }
    }

    /// Counts position ids by a rule; otherwise, they count from 0.
    #[must_use]
    pub fn positioned(self, rule: Positions, tokens: &[i32]) -> Self {
        let of = |row: &[i32]| {
            let row: Vec<u32> = row.iter().map(|token| token.cast_unsigned()).collect();
            rule.of(&row).map(u32::cast_signed).collect::<Vec<_>>()
        };
        let positions = (rule != Positions::FromZero).then(|| {
            let positions = tokens.chunks_exact(self.length).flat_map(of).collect();
            indices(positions, &self.tokens.device())
        });
        Self { positions, position_rule: rule, ..self }
    }

    #[must_use]
    pub fn with_targets(self, targets: Targets) -> Self {
        Self { targets, ..self }
    }

    /// Sets the batch's number in the training run.
    #[must_use]
    pub fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    pub(super) fn examples(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Returns a token's index among all tokens, without padding, or `None` for padding.
    pub(super) fn token(&self, example: usize, position: usize) -> Option<usize> {
        let token = self.offsets[example] + position;
        (token < self.offsets[example + 1]).then_some(token)
    }

    /// Returns the row of a table, `[ids, d]`, that each token looks up.
    pub(super) fn rows_of(&self, table: Tensor<2>, ids: Ids) -> Tensor<2> {
        match (ids, &self.positions) {
            (Ids::Tokens, _) => table.select(0, self.tokens.clone()),
            (Ids::Segments, _) => table.select(0, self.segments.clone()),
            (Ids::Positions, Some(positions)) => table.select(0, positions.clone()),
            // The same for every example, so they are repeated instead of looked up.
            (Ids::Positions, None) => {
                let (examples, [_, width]) = (self.examples(), table.dims());
                let rows = table.slice([0..self.length]).unsqueeze::<3>();
                rows.expand([examples, self.length, width]).reshape([examples * self.length, width])
            }
        }
    }
}
