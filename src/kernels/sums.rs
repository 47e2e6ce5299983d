//! Sums of gradients over the batches of one step, which on a GPU stay where they are: recorded work finds them there.

use std::sync::Arc;

use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{FloatDType, IndexingUpdateOp, TensorData};

use super::rows::Words;
use super::several::Several;

/// Operations on sums, in place where nobody else holds them.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait Sums: Backend {
    /// Each sum with its gradient added.
    fn accumulate(#[extension_type] sums: Several<Self>, #[extension_type] gradients: Several<Self>) -> Several<Self>;
    /// The sum of a table's gradients, `[size, d]`, with that of some words added: `[words, d]`, or more rows.
    fn accumulate_words(sum: FloatTensor<Self>, gradient: FloatTensor<Self>, words: Arc<Words>) -> FloatTensor<Self>;
    /// Zeros.
    fn clear(#[extension_type] sums: Several<Self>) -> Several<Self>;
}

/// By Burn's own operations: what others are tested against.
impl Sums for Flex {
    fn accumulate(sums: Several<Self>, gradients: Several<Self>) -> Several<Self> {
        Several(sums.0.into_iter().zip(gradients.0).map(|(sum, gradient)| Self::float_add(sum, gradient)).collect())
    }

    fn accumulate_words(sum: FloatTensor<Self>, gradient: FloatTensor<Self>, words: Arc<Words>) -> FloatTensor<Self> {
        let ids: Vec<i32> = words.ids.iter().map(|id| id.cast_signed()).collect();
        let ids = Self::int_from_data(TensorData::new(ids, [words.ids.len()]), &sum.device());
        Self::float_select_assign(sum, 0, ids, gradient, IndexingUpdateOp::Add)
    }

    fn clear(sums: Several<Self>) -> Several<Self> {
        let zeros = |sum: FloatTensor<Self>| Self::float_zeros(sum.shape(), &sum.device(), FloatDType::F32);
        Several(sums.0.into_iter().map(zeros).collect())
    }
}
