//! The kind of output that a model predicts.

use serde::{Deserialize, Serialize};

/// The kind and the names of the model's outputs for one example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One of several classes, in the order of their ids.
    Classes(Vec<String>),
    /// Any subset of several independent labels.
    Labels(Vec<String>),
    Value,
}

impl Head {
    /// Returns the width of the model's last layer.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes(labels) | Self::Labels(labels) => labels.len(),
            Self::Value => 1,
        }
    }

    /// Returns the names of the outputs in order; empty for a numeric value.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Classes(labels) | Self::Labels(labels) => labels,
            Self::Value => &[],
        }
    }

    /// Returns the `problem_type` for transformers' `config.json`.
    #[must_use]
    pub fn problem_type(&self) -> &'static str {
        match self {
            Self::Classes(_) => "single_label_classification",
            Self::Labels(_) => "multi_label_classification",
            Self::Value => "regression",
        }
    }
}
