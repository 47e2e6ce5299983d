//! Operations without a kernel for GPUs: models run them by Burn's own functions there, as `models::Op::ON_CPUS_ONLY` says.

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;

use crate::kernels::operation::Kernel;
use crate::kernels::{Geglu, MeanTokens, RotaryAttention};

macro_rules! by_reference {
    ($($operation:ty),*) => {
        $(impl Kernel<Cube, 1> for $operation {
            type Saved = ();

            fn forward(self, _: [CubeTensor; 1]) -> (CubeTensor, Self::Saved) {
                unreachable!("{self:?} runs by reference on a GPU")
            }

            fn backward((): Self::Saved, _: CubeTensor) -> [CubeTensor; 1] {
                unreachable!("it has no forward pass on a GPU")
            }
        })*
    };
}

by_reference!(Geglu, MeanTokens, RotaryAttention);
