//! Norms and sums of gradients on the CPU. The sums use Burn's own operations, against which those on the GPU are tested.

use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{FloatDType, IndexingUpdateOp, TensorData};
use burn_flex::FlexTensor;

use super::reduce::square_sum;
use super::tensors::{dense, numbers, tensor};
use crate::kernels::update::UpdateKernel;
use crate::kernels::{AddGradients, AddTokenGradients, GlobalNorm, ZeroGradients};

impl UpdateKernel<Flex> for GlobalNorm {
    fn run(self, gradients: Vec<FlexTensor>) -> Vec<FlexTensor> {
        let squares: f64 = gradients.into_iter().map(|gradient| square_sum(numbers(&dense(gradient)))).sum();
        vec![tensor(vec![squares.sqrt() as f32], [1])]
    }
}

impl UpdateKernel<Flex> for AddGradients {
    fn run(self, mut sums: Vec<FlexTensor>) -> Vec<FlexTensor> {
        let gradients = sums.split_off(sums.len() / 2);
        sums.into_iter().zip(gradients).map(|(sum, gradient)| Flex::float_add(sum, gradient)).collect()
    }
}

impl UpdateKernel<Flex> for AddTokenGradients {
    fn run(self, operands: Vec<FlexTensor>) -> Vec<FlexTensor> {
        let [sum, gradient] = operands.try_into().unwrap_or_else(|_| unreachable!("a sum and a gradient"));
        let ids: Vec<i32> = self.tokens.ids.iter().map(|id| id.cast_signed()).collect();
        let ids = Flex::int_from_data(TensorData::new(ids, [self.tokens.ids.len()]), &sum.device());
        vec![Flex::float_select_assign(sum, 0, ids, gradient, IndexingUpdateOp::Add)]
    }
}

impl UpdateKernel<Flex> for ZeroGradients {
    fn run(self, tensors: Vec<FlexTensor>) -> Vec<FlexTensor> {
        tensors.into_iter().map(|x| Flex::float_zeros(x.shape(), &x.device(), FloatDType::F32)).collect()
    }
}
