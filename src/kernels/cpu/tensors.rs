//! Conversion between tensors of Burn's CPU backend and slices.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{FloatDType, TensorData};
use burn_flex::FlexTensor;

use super::gemm::Matrix;
use crate::kernels::MatmulPrecision;

/// Returns a dense tensor's numbers in row-major order.
pub fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_else(|| unreachable!("operands are made contiguous first"))
}

/// Returns the tensor in row-major order, without gaps.
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

/// Rounds a factor to the precision of a product. On the CPU, bf16 factors are rounded to bf16 and stored as f32.
pub fn factor(x: FlexTensor, precision: MatmulPrecision) -> FlexTensor {
    match precision {
        MatmulPrecision::F32 | MatmulPrecision::Tf32 => dense(x),
        MatmulPrecision::Bf16 => dense(Flex::float_cast(Flex::float_cast(x, FloatDType::BF16), FloatDType::F32)),
    }
}
