//! Operations outside automatic differentiation: those of the optimizer, in place where a tensor's memory is not shared.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchTensor, Flex, backend_extension};
#[cfg(feature = "gpu")]
use burn_cubecl::Cube;

use super::packed::PackedTensors;

/// A backend's implementation of a non-differentiable operation from any number of tensors to any number.
pub trait UpdateKernel<B: Backend>: Sized {
    /// Returns the results; [`super::ops`] documents the operands and results and their order.
    fn run(self, operands: Vec<FloatTensor<B>>) -> Vec<FloatTensor<B>>;
}

/// A kernel for GPUs, in builds with GPU support.
#[cfg(feature = "gpu")]
pub trait GpuUpdateKernel: UpdateKernel<Cube> {}
#[cfg(feature = "gpu")]
impl<U: UpdateKernel<Cube>> GpuUpdateKernel for U {}

/// Empty: this build has no GPU support.
#[cfg(not(feature = "gpu"))]
pub trait GpuUpdateKernel {}
#[cfg(not(feature = "gpu"))]
impl<U> GpuUpdateKernel for U {}

/// An operation with a kernel on every backend.
pub trait Update: UpdateKernel<Flex> + GpuUpdateKernel {
    /// Returns the results for these operands: at least one, all on one device.
    fn apply(self, operands: Vec<DispatchTensor>) -> Vec<DispatchTensor> {
        Dispatch::update(PackedTensors(operands), self).0
    }
}

impl<U: UpdateKernel<Flex> + GpuUpdateKernel> Update for U {}

/// The single entry point that Burn's macro dispatches by device.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait Updates: Backend {
    /// Returns the results of an operation.
    fn update<U: Update>(#[extension_type] operands: PackedTensors<Self>, operation: U) -> PackedTensors<Self>;
}

impl Updates for Flex {
    fn update<U: Update>(operands: PackedTensors<Self>, operation: U) -> PackedTensors<Self> {
        PackedTensors(UpdateKernel::<Self>::run(operation, operands.0))
    }
}

#[cfg(feature = "gpu")]
impl Updates for Cube {
    fn update<U: Update>(operands: PackedTensors<Self>, operation: U) -> PackedTensors<Self> {
        PackedTensors(UpdateKernel::<Self>::run(operation, operands.0))
    }
}
