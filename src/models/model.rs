//! A model of any supported architecture.

use burn::tensor::Tensor;

use super::constants::Constants;
use super::dropout_sites::DropoutSites;
use super::input::Input;
use super::named_parameters::{NamedParameters, ParameterError};
use super::op::{Op, ReferenceOps};
use super::post_norm::PostNormModel;
use super::pre_norm::PreNormModel;
use crate::architecture::{Architecture, Encoder};
use crate::settings::Precision;

/// An encoder with its head and its parameters on a device.
// Only one exists at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Model {
    PostNorm(PostNormModel),
    PreNorm(PreNormModel),
}

impl Model {
    /// Builds the model of an architecture from its parameters.
    pub fn new(
        architecture: &Architecture,
        constants: &Constants,
        parameters: &NamedParameters<'_>,
        precision: Precision,
    ) -> Result<Self, ParameterError> {
        match architecture.encoder() {
            Encoder::PostNorm(names) => PostNormModel::new(&names, constants, parameters, precision).map(Self::PostNorm),
            Encoder::PreNorm(names) => PreNormModel::new(&names, constants, parameters, precision).map(Self::PreNorm),
        }
    }

    /// The operations that have no kernel for this architecture on a GPU.
    #[must_use]
    pub fn without_gpu_kernels(architecture: &Architecture) -> ReferenceOps {
        /// Tiles of wider heads exceed the memory that the units of a cube share.
        const WIDEST: usize = 128;
        let too_wide = architecture.head_width() > WIDEST;
        [Op::Attention, Op::RotaryAttention].into_iter().filter(|_| too_wide).collect()
    }

    /// Returns the outputs of the head for each example: `[examples, outputs]`.
    #[must_use]
    pub fn forward(&self, input: &Input, dropout: DropoutSites) -> Tensor<2> {
        match self {
            Self::PostNorm(model) => model.forward(input, dropout),
            Self::PreNorm(model) => model.forward(input, dropout),
        }
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
