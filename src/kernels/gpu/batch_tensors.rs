//! A batch's tables as Burn tensors.

use std::sync::Arc;

use burn::tensor::DType;
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;

use super::tensors::view_as;
use crate::kernels::ResidentBatch;
use crate::kernels::batch_tensors::{BatchIndices, BatchNumbers, BatchTensors};

impl BatchTensors for Cube {
    fn batch_indices(beside: CubeTensor, batch: Arc<ResidentBatch>, which: BatchIndices) -> CubeTensor {
        let tables = batch.tables(&beside);
        let (rows, slots) = (tables.shape.rows, tables.shape.examples * tables.shape.padded_length);
        let (table, start, count) = match which {
            BatchIndices::Tokens => (&tables.ids, 0, rows),
            BatchIndices::Positions => (&tables.ids, rows, rows),
            BatchIndices::Segments => (&tables.ids, 2 * rows, rows),
            BatchIndices::FirstRows => (&tables.first_rows, 0, tables.shape.examples),
            BatchIndices::ToPadded => (&tables.to_padded, 0, slots),
            BatchIndices::FromPadded => (&tables.from_padded, 0, rows),
            BatchIndices::Classes => (&tables.targets, 0, tables.shape.examples),
        };
        view_as(table, start, count, DType::U32)
    }

    fn batch_numbers(beside: CubeTensor, batch: Arc<ResidentBatch>, which: BatchNumbers) -> CubeTensor {
        let tables = batch.tables(&beside);
        let (table, count) = match which {
            BatchNumbers::TokenMask => (&tables.token_mask, tables.shape.examples * tables.shape.padded_length),
            BatchNumbers::Targets => (&tables.targets, tables.shape.examples * batch.targets.width().unwrap_or(0)),
        };
        view_as(table, 0, count, DType::F32)
    }
}
