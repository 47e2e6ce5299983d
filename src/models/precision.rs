//! Matrix products by the fused operation.

use burn::tensor::Tensor;

use crate::kernels::{Matmul, MatmulPrecision, Operation};
use crate::settings::Precision;

/// Converts a precision setting to the kernels' type.
#[must_use]
pub fn matmul_precision(precision: Precision) -> MatmulPrecision {
    match precision {
        Precision::Fp32 => MatmulPrecision::F32,
        Precision::Tf32 => MatmulPrecision::Tf32,
        Precision::Bf16 => MatmulPrecision::Bf16,
    }
}

/// Returns `a · b`; on a GPU batched if there are more than two dimensions.
#[must_use]
pub fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>, precision: MatmulPrecision) -> Tensor<D> {
    Tensor::from_dispatch(Matmul { precision }.apply([a.into_dispatch(), b.into_dispatch()]))
}
