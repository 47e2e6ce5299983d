//! `[model]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::architecture::Config;

/// Model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Dropout probability of hidden states, attention probabilities and the pooled output. Default: those of the checkpoint's
    /// config.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
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

/// Probabilities of dropping an element, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// Embeddings and hidden states.
    pub hidden: f64,
    /// Attention probabilities.
    pub attention: f64,
    /// The pooled output, in front of the classifier.
    pub classifier: f64,
}

impl Model {
    /// The probabilities set here, or else those of the checkpoint.
    #[must_use]
    pub fn dropout(&self, checkpoint: &Config) -> Dropout {
        match self.dropout {
            Some(p) => Dropout { hidden: p, attention: p, classifier: p },
            None => Dropout {
                hidden: checkpoint.hidden_dropout_prob,
                attention: checkpoint.attention_probs_dropout_prob,
                classifier: checkpoint.classifier_dropout.unwrap_or(checkpoint.hidden_dropout_prob),
            },
        }
    }
}
