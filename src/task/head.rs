//! What a model predicts.

use serde::{Deserialize, Serialize};

/// What comes out of the model for one example, and what each output is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One of several classes, in the order of their ids.
    Classes(Vec<String>),
    /// Any number of several labels, each independent of the others.
    Labels(Vec<String>),
    Value,
}

impl Head {
    /// Width of the model's last layer.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes(labels) | Self::Labels(labels) => labels.len(),
            Self::Value => 1,
        }
    }

    /// Names of the outputs, in their order; none for a number.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Classes(labels) | Self::Labels(labels) => labels,
            Self::Value => &[],
        }
    }

    /// `problem_type` in transformers' `config.json`.
    #[must_use]
    pub fn problem_type(&self) -> &'static str {
        match self {
            Self::Classes(_) => "single_label_classification",
            Self::Labels(_) => "multi_label_classification",
            Self::Value => "regression",
        }
    }
}
