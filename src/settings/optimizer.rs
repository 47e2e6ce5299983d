//! `[optimizer]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// AdamW (Loshchilov and Hutter 2019), with PyTorch's defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Decoupled weight decay.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
    /// Decay rate of the first moment (the mean of gradients).
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// Decay rate of the second moment (the mean of squared gradients).
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// Added to the denominator, the root of the second moment.
    #[schemars(extend("minimum" = 1e-30))]
    pub epsilon: f64,
    /// Clip gradients to this global norm. Default: no clipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_grad_norm: Option<f64>,
    /// Parameters whose names contain one of these get no weight decay, e.g. ["bias", "LayerNorm"].
    pub no_decay: Vec<String>,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self { weight_decay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, max_grad_norm: None, no_decay: Vec::new() }
    }
}

impl Optimizer {
    /// Returns the weight decay of a parameter.
    #[must_use]
    pub fn decay_of(&self, parameter: &str) -> f64 {
        if self.no_decay.iter().any(|part| parameter.contains(part)) { 0.0 } else { self.weight_decay }
    }
}
