//! Matrix products by the fused operations.

use burn::tensor::Tensor;

use crate::kernels::{Matmul, MatmulPrecision, Operation};
use crate::settings::Precision;

/// The kernels' word for a precision.
#[must_use]
pub fn matmul_precision(precision: Precision) -> MatmulPrecision {
    match precision {
        Precision::Fp32 => MatmulPrecision::F32,
        Precision::Tf32 => MatmulPrecision::Tf32,
        Precision::Bf16 => MatmulPrecision::Bf16,
    }
}

/// `a · b`; on a GPU, of each pair of matrices where there are more than two dimensions.
#[must_use]
pub fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>, precision: MatmulPrecision) -> Tensor<D> {
    Tensor::from_dispatch(Matmul { precision }.apply([a.into_dispatch(), b.into_dispatch()]))
}
