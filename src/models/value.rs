//! Parameters on a device.

use burn::backend::DispatchTensor;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::read::read;
use crate::architecture::Role;
use crate::checkpoint::HostTensor;

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
        let HostTensor { shape, values } = tensor.clone().in_device_layout(role);
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

    /// Zeros in its shape, on its device.
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
    pub fn to_host(&self, role: Role) -> anyhow::Result<HostTensor> {
        let x = match self.clone() {
            Self::Vector(x) => return Ok(HostTensor { shape: x.dims().to_vec(), values: read(x, "a parameter")? }),
            Self::Matrix(x) if role.is_transposed() => x.transpose(),
            Self::Matrix(x) => x,
        };
        Ok(HostTensor { shape: x.dims().to_vec(), values: read(x, "a parameter")? })
    }
}
