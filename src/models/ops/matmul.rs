//! Matrix products by Burn's own function, except on a GPU in f32.

use burn::tensor::{Device, FloatDType, Tensor};

use crate::kernels::MatmulPrecision;
use crate::models::product;
use crate::settings::Precision;

/// Returns `a · b`; in bf16, the operands are rounded and the result is widened to f32.
pub fn matmul<const D: usize>(precision: Precision, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    match precision {
        // Burn's own product would use TF32 on a GPU.
        Precision::Fp32 if !is_cpu(&a.device()) => product(a, b, MatmulPrecision::F32),
        Precision::Fp32 | Precision::Tf32 => a.matmul(b),
        Precision::Bf16 => a.cast(FloatDType::BF16).matmul(b.cast(FloatDType::BF16)).cast(FloatDType::F32),
    }
}

/// Whether a device's tensors are in host memory.
pub fn is_cpu(device: &Device) -> bool {
    device.clone().without_autodiff() == Device::flex()
}
