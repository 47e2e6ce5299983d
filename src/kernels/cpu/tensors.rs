//! Tensors of Burn's CPU backend as slices, and back.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{FloatDType, TensorData};
use burn_flex::FlexTensor;

use super::gemm::Matrix;
use crate::kernels::MatmulPrecision;

/// A dense tensor's numbers, row after row.
pub fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_else(|| unreachable!("operands are made contiguous first"))
}

/// Row after row, without gaps.
pub fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

pub fn tensor(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

pub fn shape(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

pub fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let shape = shape(tensor);
    Matrix::new(numbers(tensor), shape[0], shape[1])
}

/// What is multiplied in x's place: on the CPU bf16 is f32 with the last bits left out.
pub fn factor(x: FlexTensor, precision: MatmulPrecision) -> FlexTensor {
    match precision {
        MatmulPrecision::F32 | MatmulPrecision::Tf32 => dense(x),
        MatmulPrecision::Bf16 => dense(Flex::float_cast(Flex::float_cast(x, FloatDType::BF16), FloatDType::F32)),
    }
}
