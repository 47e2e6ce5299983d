//! `[model]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Model")]
pub struct ModelSettings {
    /// Dropout probability of hidden states, attention probabilities and the pooled output. Default: those of the checkpoint's
    /// config.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1, "x-derived" = "dropout"))]
    pub dropout: Option<f64>,
    /// "pretrained" starts from the checkpoint's weights, "random" from random weights of the same architecture.
    pub initialize: Initialize,
}

/// Where the weights come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Initialize {
    /// The checkpoint.
    #[default]
    Pretrained,
    /// Drawn from the seed.
    Random,
}
