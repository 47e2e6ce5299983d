//! Model parameters on a device.

use burn::backend::DispatchTensor;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::read::read;
use crate::architecture::Role;
use crate::checkpoint::HostTensor;

/// A parameter on a device.
#[derive(Clone, Debug)]
pub enum Value {
    /// A bias, or the scale of a layer norm.
    Vector(Tensor<1>),
    /// An embedding `[rows, d]`, or the weight `[in, out]` of a linear layer.
    Matrix(Tensor<2>),
}

impl Value {
    /// Uploads a parameter, as a leaf of the autodiff graph if the device tracks one.
    #[must_use]
    pub fn from_host(tensor: &HostTensor, role: Role, device: &Device) -> Self {
        let HostTensor { shape, values } = tensor.clone().in_device_layout(role);
        let data = TensorData::new(values, shape);
        let value = if role.is_vector() {
            Self::Vector(Tensor::from_data(data, device))
        } else {
            Self::Matrix(Tensor::from_data(data, device))
        };
        value.tracked()
    }

    /// Marks the parameter as requiring a gradient, if its device tracks gradients.
    #[must_use]
    pub fn tracked(self) -> Self {
        match self {
            Self::Vector(x) if x.is_autodiff() => Self::Vector(x.require_grad()),
            Self::Matrix(x) if x.is_autodiff() => Self::Matrix(x.require_grad()),
            plain => plain,
        }
    }

    /// Returns the value without the autodiff graph.
    #[must_use]
    pub fn inner(self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.inner()),
            Self::Matrix(x) => Self::Matrix(x.inner()),
        }
    }

    /// Returns the value with the autodiff graph.
    #[must_use]
    pub fn autodiff(self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.autodiff()),
            Self::Matrix(x) => Self::Matrix(x.autodiff()),
        }
    }

    /// Copies the values to new memory.
    #[must_use]
    pub fn copied(self) -> Self {
        // `self` keeps a second reference, so the multiplication does not run in place.
        match self.clone() {
            Self::Vector(x) => Self::Vector(x * 1.0),
            Self::Matrix(x) => Self::Matrix(x * 1.0),
        }
    }

    /// Casts the value to f32.
    #[must_use]
    pub fn widened(self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.cast(FloatDType::F32)),
            Self::Matrix(x) => Self::Matrix(x.cast(FloatDType::F32)),
        }
    }

    /// Returns zeros of the same shape, on the same device.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        match self {
            Self::Vector(x) => Self::Vector(x.zeros_like()),
            Self::Matrix(x) => Self::Matrix(x.zeros_like()),
        }
    }

    /// Wraps the result of an operation of [`crate::kernels`], which has the rank of this value.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub fn like(&self, made: DispatchTensor) -> Self {
        match self {
            Self::Vector(_) => Self::Vector(Tensor::from_dispatch(made)),
            Self::Matrix(_) => Self::Matrix(Tensor::from_dispatch(made)),
        }
    }

    /// Unwraps the value for operations of [`crate::kernels`].
    #[must_use]
    pub fn into_dispatch(self) -> DispatchTensor {
        match self {
            Self::Vector(x) => x.into_dispatch(),
            Self::Matrix(x) => x.into_dispatch(),
        }
    }

    /// Downloads the parameter, in the layout of the checkpoint file.
    pub fn to_host(&self, role: Role) -> anyhow::Result<HostTensor> {
        let x = match self.clone() {
            Self::Vector(x) => return Ok(HostTensor { shape: x.dims().to_vec(), values: read(x, "a parameter")? }),
            Self::Matrix(x) if role.is_transposed() => x.transpose(),
            Self::Matrix(x) => x,
        };
        Ok(HostTensor { shape: x.dims().to_vec(), values: read(x, "a parameter")? })
    }
}
