//! A batch's indices and numbers as Burn's tensors, for operations that are written in Burn: on a GPU they are the tables that
//! a recorded step finds another batch in.

use std::sync::Arc;

use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Int, Tensor, TensorData};

use super::ragged_batch::{RaggedBatch, few_sizes};
use super::resident::ResidentBatch;
use super::targets::Targets;

/// Indices of a batch.
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
    /// The row of each slot of the padded layout, and 0 for padding: `[examples * padded length]`.
    ToPadded,
    /// The slot of each row in the padded layout: `[rows]`.
    FromPadded,
    /// The class of each example: `[examples]`.
    Classes,
}

/// Numbers of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchNumbers {
    /// 1 for a slot of the padded layout that is a token, 0 for padding: `[examples * padded length]`.
    TokenMask,
    /// What each example should give, where that is not a class: `[examples * width]`.
    Targets,
}

impl RaggedBatch {
    /// Rows of an example in the padded layout; 0 where the batch has none.
    #[must_use]
    pub fn padded_length(&self) -> usize {
        if self.is_padded { few_sizes(self.lengths().max().unwrap_or(0)) } else { 0 }
    }

    /// Indices, without what a GPU fills them up with.
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

    /// Numbers.
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

/// How a backend makes them; the first operand says on which device.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait BatchTensors: Backend {
    /// Indices.
    fn batch_indices(beside: FloatTensor<Self>, batch: Arc<ResidentBatch>, which: BatchIndices) -> IntTensor<Self>;
    /// Numbers.
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
    /// Indices on the device of another tensor.
    pub fn indices_on<const D: usize>(self: &Arc<Self>, beside: &Tensor<D>, which: BatchIndices) -> Tensor<1, Int> {
        Tensor::from_dispatch(Dispatch::batch_indices(without_autodiff(beside).into_dispatch(), Arc::clone(self), which))
    }

    /// Numbers on the device of another tensor, outside the autodiff graph.
    pub fn numbers_on<const D: usize>(self: &Arc<Self>, beside: &Tensor<D>, which: BatchNumbers) -> Tensor<1> {
        Tensor::from_dispatch(Dispatch::batch_numbers(without_autodiff(beside).into_dispatch(), Arc::clone(self), which))
    }
}

fn without_autodiff<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    if x.is_autodiff() { x.clone().inner() } else { x.clone() }
}
