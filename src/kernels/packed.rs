//! A variable number of tensors as one operand, which Burn's backend extensions do not support themselves.

use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind, ExtensionType,
};

/// Tensors in order.
#[derive(Clone, Debug)]
pub struct PackedTensors<B: Backend>(pub Vec<FloatTensor<B>>);

impl<B: Backend> PackedTensors<B> {
    /// Returns exactly `N` tensors, in the order they were packed.
    pub fn into_array<const N: usize>(self) -> [FloatTensor<B>; N] {
        self.0.try_into().unwrap_or_else(|_| unreachable!("an operation on {N} operands packs {N}"))
    }
}

impl<B: Backend> ExtensionType<B> for PackedTensors<B> {
    type Target = PackedTensors<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Self::Target
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let tensor = |x| DispatchTensor { kind: map_kind(BackendTensor::Float(x)), autodiff };
        PackedTensors(self.0.into_iter().map(tensor).collect())
    }

    fn map_from_dispatch<F>(target: Self::Target, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        Self(target.0.into_iter().map(|x| unwrap_kind(x).float()).collect())
    }

    fn routing_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn routing_float_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn autodiff_context(target: &Self::Target) -> DispatchAutodiffContext {
        let merged = |context: DispatchAutodiffContext, x: &DispatchTensor| context.merge(x.autodiff);
        target.0.iter().fold(DispatchAutodiffContext::Disabled, merged)
    }
}
