//! Conversion between tensors of Burn's CPU backend and slices.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, FloatDType, TensorData};
use burn_flex::FlexTensor;

use super::matrix::Matrix;

/// Returns a dense tensor's numbers in row-major order.
pub fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_else(|| unreachable!("operands are made contiguous first"))
}

/// Returns the tensor in row-major order, without gaps.
pub fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// Returns the factor of a product, which may already be rounded to bf16, as dense f32 numbers.
pub fn factor(x: FlexTensor) -> FlexTensor {
    dense(if x.dtype() == DType::BF16 { Flex::float_cast(x, FloatDType::F32) } else { x })
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
