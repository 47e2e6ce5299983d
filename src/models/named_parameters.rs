//! The parameters of a model by their names in a checkpoint.

use std::collections::HashMap;

use burn::tensor::Tensor;

use super::ops::{LayerNorm, Linear};
use super::value::Value;

/// Why a model cannot be built from the given parameters.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParameterError {
    #[error("the model needs a parameter {0}, which is not there")]
    Missing(String),
    /// A matrix was given for a vector, or vice versa.
    #[error("the parameter {name} has {found} dimensions; the model needs {needed}")]
    Rank {
        name: String,
        /// Number of dimensions given.
        found: usize,
        /// Number of dimensions required.
        needed: usize,
    },
}

/// Parameters by name, borrowed rather than copied.
#[derive(Clone, Debug, Default)]
pub struct NamedParameters<'a>(HashMap<&'a str, &'a Value>);

impl<'a> FromIterator<(&'a str, &'a Value)> for NamedParameters<'a> {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a Value)>>(parameters: T) -> Self {
        Self(parameters.into_iter().collect())
    }
}

impl NamedParameters<'_> {
    fn get(&self, name: &str) -> Result<&Value, ParameterError> {
        self.0.get(name).copied().ok_or_else(|| ParameterError::Missing(name.into()))
    }

    /// Returns the matrix `name`.
    pub fn matrix(&self, name: &str) -> Result<Tensor<2>, ParameterError> {
        match self.get(name)? {
            Value::Matrix(x) => Ok(x.clone()),
            Value::Vector(_) => Err(ParameterError::Rank { name: name.into(), found: 1, needed: 2 }),
        }
    }

    /// Returns the vector `name`.
    pub fn vector(&self, name: &str) -> Result<Tensor<1>, ParameterError> {
        match self.get(name)? {
            Value::Vector(x) => Ok(x.clone()),
            Value::Matrix(_) => Err(ParameterError::Rank { name: name.into(), found: 2, needed: 1 }),
        }
    }

    /// Returns the linear layer of `name.weight` and `name.bias`.
    pub fn linear(&self, name: &str) -> Result<Linear, ParameterError> {
        Ok(Linear { bias: Some(self.vector(&format!("{name}.bias"))?), ..self.linear_without_bias(name)? })
    }

    /// Returns the linear layer of `name.weight`.
    pub fn linear_without_bias(&self, name: &str) -> Result<Linear, ParameterError> {
        Ok(Linear { weight: self.matrix(&format!("{name}.weight"))?, bias: None })
    }

    /// Returns the layer norm of `name.weight` and `name.bias`.
    pub fn layer_norm(&self, name: &str, epsilon: f64) -> Result<LayerNorm, ParameterError> {
        let (scale, shift) = (self.vector(&format!("{name}.weight"))?, self.vector(&format!("{name}.bias"))?);
        Ok(LayerNorm { scale, shift: Some(shift), epsilon })
    }

    /// Returns the linear layer of `name.weight`, without a bias.
    pub fn product(&self, name: &str) -> Result<Linear, ParameterError> {
        Ok(Linear { weight: self.matrix(&format!("{name}.weight"))?, bias: None })
    }

    /// Returns the layer norm of `name.weight`, without a shift.
    pub fn scaled_norm(&self, name: &str, epsilon: f64) -> Result<LayerNorm, ParameterError> {
        Ok(LayerNorm { scale: self.vector(&format!("{name}.weight"))?, shift: None, epsilon })
    }
}
