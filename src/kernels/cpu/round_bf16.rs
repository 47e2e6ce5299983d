//! [`RoundToBf16`] on the CPU.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::FloatDType;
use burn_flex::FlexTensor;

use crate::kernels::RoundToBf16;
use crate::kernels::update::UpdateKernel;

impl UpdateKernel<Flex> for RoundToBf16 {
    fn run(self, matrices: Vec<FlexTensor>) -> Vec<FlexTensor> {
        matrices.into_iter().map(|x| Flex::float_cast(x, FloatDType::BF16)).collect()
    }
}
