//! [`SelectFirst`] on the CPU.

use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::buffer::zeros;
use super::tensors::{dense, numbers, shape, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{ResidentBatch, SelectFirst};

impl Kernel<Flex, 1> for SelectFirst {
    /// The batch, and the number of rows of x.
    type Saved = (Arc<ResidentBatch>, usize);

    fn forward(self, [x]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        let x = dense(x);
        let (firsts, [rows, d]) = (&self.batch.first_rows, [shape(&x)[0], shape(&x)[1]]);
        let selected: Vec<&[f32]> = firsts.iter().map(|first| &numbers(&x)[*first as usize * d..][..d]).collect();
        (tensor(selected.concat(), [firsts.len(), d]), (self.batch, rows))
    }

    fn backward((batch, rows): Self::Saved, gradient: FlexTensor) -> [FlexTensor; 1] {
        let gradient = dense(gradient);
        let d = shape(&gradient)[1];
        let mut all = zeros(rows * d);
        for (first, row) in batch.first_rows.iter().zip(numbers(&gradient).chunks_exact(d)) {
            all[*first as usize * d..][..d].copy_from_slice(row);
        }
        [tensor(all, [rows, d])]
    }
}
