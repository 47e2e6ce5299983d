//! [`MeanTokens`] on the CPU.

use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::buffer::zeros;
use super::reduce::column_sums;
use super::tensors::{dense, numbers, shape, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{MeanTokens, ResidentBatch};

impl Kernel<Flex, 1> for MeanTokens {
    type Saved = Arc<ResidentBatch>;

    fn forward(self, [x]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        let x = dense(x);
        let d = shape(&x)[1];
        let mut means = Vec::with_capacity(self.batch.examples() * d);
        for ends in self.batch.offsets.windows(2) {
            let sums = column_sums(&numbers(&x)[ends[0] * d..ends[1] * d], d);
            means.extend(sums.into_iter().map(|sum| sum / (ends[1] - ends[0]) as f32));
        }
        (tensor(means, [self.batch.examples(), d]), self.batch)
    }

    fn backward(batch: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 1] {
        let gradient = dense(gradient);
        let d = shape(&gradient)[1];
        let mut of_x = zeros(batch.rows() * d);
        for (ends, gradient) in batch.offsets.windows(2).zip(numbers(&gradient).chunks_exact(d)) {
            let share = 1.0 / (ends[1] - ends[0]) as f32;
            for row in of_x[ends[0] * d..ends[1] * d].chunks_exact_mut(d) {
                row.iter_mut().zip(gradient).for_each(|(of_x, gradient)| *of_x = gradient * share);
            }
        }
        [tensor(of_x, [batch.rows(), d])]
    }
}
