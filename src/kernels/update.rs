//! Operations outside automatic differentiation: those of the optimizer, in place where nobody else holds the tensors.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchTensor, Flex, backend_extension};
#[cfg(feature = "gpu")]
use burn_cubecl::Cube;

use super::packed::PackedTensors;

/// What a backend computes of an operation that is not differentiated, from any number of tensors to any number.
pub trait UpdateKernel<B: Backend>: Sized {
    /// The results; [`super::ops`] says which operands and results there are, and in what order.
    fn run(self, operands: Vec<FloatTensor<B>>) -> Vec<FloatTensor<B>>;
}

/// A kernel for GPUs, in builds that have them.
#[cfg(feature = "gpu")]
pub trait GpuUpdateKernel: UpdateKernel<Cube> {}
#[cfg(feature = "gpu")]
impl<U: UpdateKernel<Cube>> GpuUpdateKernel for U {}

/// Nothing: this build has no GPUs.
#[cfg(not(feature = "gpu"))]
pub trait GpuUpdateKernel {}
#[cfg(not(feature = "gpu"))]
impl<U> GpuUpdateKernel for U {}

/// An operation with a kernel on every backend.
pub trait Update: UpdateKernel<Flex> + GpuUpdateKernel {
    /// The results on these operands, which lie on one device; there is at least one.
    fn apply(self, operands: Vec<DispatchTensor>) -> Vec<DispatchTensor> {
        Dispatch::update(PackedTensors(operands), self).0
    }
}

impl<U: UpdateKernel<Flex> + GpuUpdateKernel> Update for U {}

/// The one entry that Burn's macro routes by device.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait Updates: Backend {
    /// The results of an operation.
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
