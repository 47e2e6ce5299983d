//! How every operation reaches its kernels, with and without automatic differentiation.
//!
//! An operation is a struct of options, declared in [`super::ops`]. Each backend's folder implements its [`Kernel`]: the
//! forward pass and a hand-written backward pass. Everything between them and Burn is here, once for all operations.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchTensor, Flex, backend_extension};
#[cfg(feature = "gpu")]
use burn_cubecl::Cube;

use super::packed::PackedTensors;

/// A backend's implementation of a differentiable operation on `N` tensors.
pub trait Kernel<B: Backend, const N: usize>: Debug + Send + Sized + 'static {
    /// What the backward pass needs from the forward pass.
    type Saved: Clone + Debug + Send + 'static;

    /// Returns the output, and what the backward pass needs.
    fn forward(self, operands: [FloatTensor<B>; N]) -> (FloatTensor<B>, Self::Saved);

    /// Returns the output alone, where no backward pass follows.
    fn output(self, operands: [FloatTensor<B>; N]) -> FloatTensor<B> {
        self.forward(operands).0
    }

    /// Returns the gradients of the operands, in their order, given the gradient of the output.
    fn backward(saved: Self::Saved, gradient: FloatTensor<B>) -> [FloatTensor<B>; N];
}

/// A kernel for GPUs, in builds with GPU support.
#[cfg(feature = "gpu")]
pub trait GpuKernel<const N: usize>: Kernel<Cube, N> {}
#[cfg(feature = "gpu")]
impl<O: Kernel<Cube, N>, const N: usize> GpuKernel<N> for O {}

/// Empty: this build has no GPU support.
#[cfg(not(feature = "gpu"))]
pub trait GpuKernel<const N: usize> {}
#[cfg(not(feature = "gpu"))]
impl<O, const N: usize> GpuKernel<N> for O {}

/// A differentiable operation with a kernel on every backend.
pub trait Operation<const N: usize>: Kernel<Flex, N> + GpuKernel<N> {
    /// Returns the output for these operands, all on one device. Operands may be outside the autodiff graph.
    fn apply(self, operands: [DispatchTensor; N]) -> DispatchTensor {
        #[cfg(test)]
        super::applied::count::<Self>();
        Dispatch::fused(PackedTensors(operands.into()), self)
    }
}

impl<O: Kernel<Flex, N> + GpuKernel<N>, const N: usize> Operation<N> for O {}

/// The single entry point that Burn's macro dispatches by device. It must stay a single generic method: the macro generates
/// an arm per backend for each method.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff)]
pub trait Fused: Backend {
    /// Returns the output of an operation on `N` operands.
    fn fused<O: Operation<N>, const N: usize>(#[extension_type] operands: PackedTensors<Self>, operation: O)
    -> FloatTensor<Self>;
}

impl Fused for Flex {
    fn fused<O: Operation<N>, const N: usize>(operands: PackedTensors<Self>, operation: O) -> FloatTensor<Self> {
        Kernel::<Self, N>::output(operation, operands.into_array())
    }
}

#[cfg(feature = "gpu")]
impl Fused for Cube {
    fn fused<O: Operation<N>, const N: usize>(operands: PackedTensors<Self>, operation: O) -> FloatTensor<Self> {
        Kernel::<Self, N>::output(operation, operands.into_array())
    }
}

impl<C: CheckpointStrategy> Fused for Autodiff<Flex, C> {
    fn fused<O: Operation<N>, const N: usize>(operands: PackedTensors<Self>, operation: O) -> FloatTensor<Self> {
        differentiable::<Flex, C, O, N>(operands, operation)
    }
}

#[cfg(feature = "gpu")]
impl<C: CheckpointStrategy> Fused for Autodiff<Cube, C> {
    fn fused<O: Operation<N>, const N: usize>(operands: PackedTensors<Self>, operation: O) -> FloatTensor<Self> {
        differentiable::<Cube, C, O, N>(operands, operation)
    }
}

/// The backward pass of an operation, in the form that Burn's autodiff expects.
#[derive(Debug)]
struct BackwardOf<O>(PhantomData<fn() -> O>);

impl<B: Backend, O: Kernel<B, N>, const N: usize> Backward<B, N> for BackwardOf<O> {
    type State = O::Saved;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        for (parent, gradient) in ops.parents.iter().zip(O::backward(ops.state, gradient)) {
            if let Some(parent) = parent {
                gradients.register::<B>(parent.id, gradient);
            }
        }
    }
}

/// Returns the output, and registers the backward pass if an operand requires a gradient.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the methods' full paths would say less")]
fn differentiable<B: Backend, C: CheckpointStrategy, O: Kernel<B, N>, const N: usize>(
    operands: PackedTensors<Autodiff<B, C>>,
    operation: O,
) -> FloatTensor<Autodiff<B, C>> {
    let operands: [FloatTensor<Autodiff<B, C>>; N] = operands.into_array();
    let nodes = operands.each_ref().map(|operand| operand.node());
    let (output, saved) = operation.forward(operands.map(|operand| operand.into_primitive()));
    match BackwardOf::<O>(PhantomData).prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(saved, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}
