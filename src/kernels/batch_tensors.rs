//! A batch's indices and numbers as Burn tensors, for operations composed from Burn's own functions. On a GPU they are the
//! tables from which a replayed step reads its batch.

use std::sync::Arc;

use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Int, Tensor, TensorData};

use super::ragged_batch::{RaggedBatch, few_sizes};
use super::resident::ResidentBatch;
use super::targets::Targets;

/// Index vectors of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchIndices {
    /// The token id of each row: `[rows]`.
    Tokens,
    /// The position of each row: `[rows]`.
    Positions,
    /// The segment id of each row: `[rows]`.
    Segments,
    /// The row of each example's first token: `[examples]`.
    FirstRows,
    /// The row of each slot of the padded layout, or 0 for padding: `[examples * padded length]`.
    ToPadded,
    /// The slot of each row in the padded layout: `[rows]`.
    FromPadded,
    /// The class of each example: `[examples]`.
    Classes,
}

/// Float vectors of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchNumbers {
    /// 1 for a slot of the padded layout that holds a token, 0 for padding: `[examples * padded length]`.
    TokenMask,
    /// The target of each example, unless it is a class: `[examples * width]`.
    Targets,
}

impl RaggedBatch {
    /// Returns the number of rows per example in the padded layout; 0 if the batch has none.
    #[must_use]
    pub fn padded_length(&self) -> usize {
        if self.is_padded { few_sizes(self.lengths().max().unwrap_or(0)) } else { 0 }
    }

    /// Returns indices, without the padding that a GPU adds.
    #[must_use]
    pub fn indices(&self, which: BatchIndices) -> Vec<u32> {
        let length = self.padded_length();
        let examples = || self.offsets.iter().zip(self.lengths());
        match which {
            BatchIndices::Tokens => self.tokens.clone(),
            BatchIndices::Positions => self.positions.clone(),
            BatchIndices::Segments => self.segments.clone(),
            BatchIndices::FirstRows => self.first_rows.clone(),
            BatchIndices::ToPadded => {
                let slot = |start: usize, used: usize, at: usize| if at < used { (start + at) as u32 } else { 0 };
                examples().flat_map(|(start, used)| (0..length).map(move |at| slot(*start, used, at))).collect()
            }
            BatchIndices::FromPadded if length == 0 => Vec::new(),
            BatchIndices::FromPadded => {
                let slots = |(example, used): (usize, usize)| (0..used).map(move |at| (example * length + at) as u32);
                self.lengths().enumerate().flat_map(slots).collect()
            }
            BatchIndices::Classes => match &self.targets {
                Targets::Classes(classes) => classes.clone(),
                _ => Vec::new(),
            },
        }
    }

    /// Returns float values.
    #[must_use]
    pub fn numbers(&self, which: BatchNumbers) -> Vec<f32> {
        match which {
            BatchNumbers::TokenMask => {
                let length = self.padded_length();
                self.lengths().flat_map(|used| (0..length).map(move |at| f32::from(u8::from(at < used)))).collect()
            }
            BatchNumbers::Targets => match &self.targets {
                Targets::Labels { values, .. } | Targets::Values(values) => values.clone(),
                Targets::None | Targets::Classes(_) => Vec::new(),
            },
        }
    }
}

/// How a backend makes these tensors, on the device of the first operand.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait BatchTensors: Backend {
    /// Returns indices.
    fn batch_indices(beside: FloatTensor<Self>, batch: Arc<ResidentBatch>, which: BatchIndices) -> IntTensor<Self>;
    /// Returns numbers.
    fn batch_numbers(beside: FloatTensor<Self>, batch: Arc<ResidentBatch>, which: BatchNumbers) -> FloatTensor<Self>;
}

impl BatchTensors for Flex {
    fn batch_indices(beside: FloatTensor<Self>, batch: Arc<ResidentBatch>, which: BatchIndices) -> IntTensor<Self> {
        let indices: Vec<i32> = batch.indices(which).into_iter().map(u32::cast_signed).collect();
        let count = indices.len();
        Self::int_from_data(TensorData::new(indices, [count]), &beside.device())
    }

    fn batch_numbers(beside: FloatTensor<Self>, batch: Arc<ResidentBatch>, which: BatchNumbers) -> FloatTensor<Self> {
        let numbers = batch.numbers(which);
        let count = numbers.len();
        Self::float_from_data(TensorData::new(numbers, [count]), &beside.device())
    }
}

impl ResidentBatch {
    /// Returns indices on the device of another tensor.
    pub fn indices_on<const D: usize>(self: &Arc<Self>, beside: &Tensor<D>, which: BatchIndices) -> Tensor<1, Int> {
        Tensor::from_dispatch(Dispatch::batch_indices(without_autodiff(beside).into_dispatch(), Arc::clone(self), which))
    }

    /// Returns numbers on the device of another tensor, outside the autodiff graph.
    pub fn numbers_on<const D: usize>(self: &Arc<Self>, beside: &Tensor<D>, which: BatchNumbers) -> Tensor<1> {
        Tensor::from_dispatch(Dispatch::batch_numbers(without_autodiff(beside).into_dispatch(), Arc::clone(self), which))
    }
}

fn without_autodiff<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    if x.is_autodiff() { x.clone().inner() } else { x.clone() }
}
