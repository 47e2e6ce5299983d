//! The layers that BERT is made of.

use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::{Device, FloatDType, Tensor, TensorData, module::layer_norm};

use super::read::read;
use crate::architecture::Role;
use crate::checkpoint::HostTensor;
use crate::kernels::{Fused, Products};
use crate::settings::Precision;

/// `a · b` by Burn's own operations: in bf16 with operands rounded to it and the result widened to f32.
#[must_use]
pub fn matmul<const D: usize>(precision: Precision, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    match precision {
        // Burn's own would take a GPU's TF32.
        Precision::Fp32 if !is_cpu(&a.device()) => product(a, b, Products::Exact),
        Precision::Fp32 | Precision::Tf32 => a.matmul(b),
        Precision::Bf16 => a.cast(FloatDType::BF16).matmul(b.cast(FloatDType::BF16)).cast(FloatDType::F32),
    }
}

/// The products of a precision.
#[must_use]
pub fn products(precision: Precision) -> Products {
    match precision {
        Precision::Fp32 => Products::Exact,
        Precision::Tf32 => Products::Tf32,
        Precision::Bf16 => Products::Bf16,
    }
}

/// `a · b` by the fused operations.
#[must_use]
pub fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>, how: Products) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::product(a.into_dispatch(), b.into_dispatch(), how))
}

/// A parameter on a device.
#[derive(Clone, Debug)]
pub enum Value {
    /// A bias, or the scale of a norm.
    Vector(Tensor<1>),
    /// An embedding `[rows, d]`, or the weight `[in, out]` of a linear layer.
    Matrix(Tensor<2>),
}

impl Value {
    /// Puts a parameter on the device, as a leaf of the autodiff graph where the device tracks one.
    #[must_use]
    pub fn from_host(tensor: &HostTensor, role: Role, device: &Device) -> Self {
        let HostTensor { shape, values } = tensor.clone().turned(role);
        let data = TensorData::new(values, shape);
        let value = if role.is_vector() {
            Self::Vector(Tensor::from_data(data, device))
        } else {
            Self::Matrix(Tensor::from_data(data, device))
        };
        value.tracked()
    }

    /// Marks the parameter as one that wants a gradient, where its device tracks gradients.
    #[must_use]
    pub fn tracked(self) -> Self {
        match self {
            Self::Vector(x) if x.is_autodiff() => Self::Vector(x.require_grad()),
            Self::Matrix(x) if x.is_autodiff() => Self::Matrix(x.require_grad()),
            plain => plain,
        }
    }

    /// Without the autodiff graph.
    #[must_use]
    pub fn inner(self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.inner()),
            Self::Matrix(x) => Self::Matrix(x.inner()),
        }
    }

    /// With the autodiff graph.
    #[must_use]
    pub fn autodiff(self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.autodiff()),
            Self::Matrix(x) => Self::Matrix(x.autodiff()),
        }
    }

    /// The same numbers elsewhere.
    #[must_use]
    pub fn copied(self) -> Self {
        // Each is held twice, so that nothing is computed in place.
        match self.clone() {
            Self::Vector(x) => Self::Vector(x * 1.0),
            Self::Matrix(x) => Self::Matrix(x * 1.0),
        }
    }

    /// In f32.
    #[must_use]
    pub fn widened(self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.cast(FloatDType::F32)),
            Self::Matrix(x) => Self::Matrix(x.cast(FloatDType::F32)),
        }
    }

    /// Zeros in its shape, beside it.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.zeros_like()),
            Self::Matrix(x) => Self::Matrix(x.zeros_like()),
        }
    }

    /// What an operation of [`crate::kernels`] made, which is of this one's kind.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub fn like(&self, made: DispatchTensor) -> Self {
        match self {
            Self::Vector(_) => Self::Vector(Tensor::from_dispatch(made)),
            Self::Matrix(_) => Self::Matrix(Tensor::from_dispatch(made)),
        }
    }

    /// For operations of [`crate::kernels`].
    #[must_use]
    pub fn into_dispatch(self) -> DispatchTensor {
        match self {
            Self::Vector(x) => x.into_dispatch(),
            Self::Matrix(x) => x.into_dispatch(),
        }
    }

    /// Copies the parameter from the device, in the file's layout.
    ///
    /// # Errors
    /// The device failed.
    pub fn to_host(&self, role: Role) -> anyhow::Result<HostTensor> {
        let x = match self.clone() {
            Self::Vector(x) => return Ok(HostTensor { shape: x.dims().to_vec(), values: read(x, "a parameter")? }),
            Self::Matrix(x) if role.is_transposed() => x.transpose(),
            Self::Matrix(x) => x,
        };
        Ok(HostTensor { shape: x.dims().to_vec(), values: read(x, "a parameter")? })
    }

    /// The vector; a matrix is a mistake of the caller.
    #[must_use]
    pub fn vector(self) -> Tensor<1> {
        match self {
            Self::Vector(x) => x,
            Self::Matrix(_) => unreachable!("the parameter table has a vector here"),
        }
    }

    /// The matrix; a vector is a mistake of the caller.
    #[must_use]
    pub fn matrix(self) -> Tensor<2> {
        match self {
            Self::Matrix(x) => x,
            Self::Vector(_) => unreachable!("the parameter table has a matrix here"),
        }
    }
}

/// `x · weight + bias` over rows `[n, in]`.
#[derive(Clone, Debug)]
pub struct Linear {
    pub weight: Tensor<2>,
    pub bias: Tensor<1>,
}

impl Linear {
    pub fn forward(&self, x: Tensor<2>, precision: Precision) -> Tensor<2> {
        matmul(precision, x, self.weight.clone()) + self.bias.clone().unsqueeze()
    }
}

/// `(x - mean) / sqrt(variance + epsilon) · scale + bias` over each row, the variance a population's.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    pub scale: Tensor<1>,
    pub bias: Tensor<1>,
    pub epsilon: f64,
}

impl LayerNorm {
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        layer_norm(x, self.scale.clone(), Some(self.bias.clone()), self.epsilon)
    }
}

/// The exact GELU, `x · Φ(x)` (Hendrycks and Gimpel 2016), not its tanh approximation.
///
/// Composed from erf on an accelerator: there Burn's own operation is exact forward, and differentiates
/// the approximation backward.
pub fn gelu(x: Tensor<2>) -> Tensor<2> {
    if is_cpu(&x.device()) {
        return burn::tensor::activation::gelu(x);
    }
    let cumulative = (x.clone() / std::f64::consts::SQRT_2).erf() + 1.0;
    x * cumulative * 0.5
}

/// Whether tensors of this device lie in the host's memory.
fn is_cpu(device: &Device) -> bool {
    device.clone().without_autodiff() == Device::flex()
}
