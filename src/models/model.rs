//! A model of any supported architecture.

use burn::tensor::Tensor;

use super::bert::Bert;
use super::dropout_sites::DropoutSites;
use super::input::Input;
use super::named_parameters::{NamedParameters, ParameterError};
use crate::architecture::Architecture;
use crate::settings::Precision;

/// An encoder with its head and its parameters on a device.
#[derive(Clone, Debug)]
pub enum Model {
    Bert(Bert),
}

impl Model {
    /// Builds the model of an architecture from its parameters.
    pub fn new(
        architecture: &Architecture,
        parameters: &NamedParameters<'_>,
        precision: Precision,
    ) -> Result<Self, ParameterError> {
        match architecture {
            Architecture::Bert(config) => Bert::new(config, parameters, precision).map(Self::Bert),
        }
    }

    /// Returns the outputs of the head for each example: `[examples, outputs]`.
    #[must_use]
    pub fn forward(&self, input: &Input, dropout: DropoutSites) -> Tensor<2> {
        match self {
            Self::Bert(bert) => bert.forward(input, dropout),
        }
    }
}
