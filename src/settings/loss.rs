//! `[loss]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What training minimizes, for tasks whose examples have one of several classes. Scores and the validation loss are always
/// those of the plain cross-entropy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Loss")]
pub struct LossSettings {
    /// Share of every target that is spread evenly over all classes, as in torch's CrossEntropyLoss. The validation loss is not
    /// smoothed.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1, "x-neutral" = 0.0))]
    pub label_smoothing: f64,
    /// How much the examples of each class count: "none" (all the same), "balanced" (each class the same: examples / (classes ·
    /// examples of the class)), or a table with a number for every label. A batch's loss is divided by the sum of its examples'
    /// weights. Scores and the validation loss are not weighted.
    #[schemars(extend("x-neutral" = "none"))]
    pub class_weights: ClassWeights,
}

/// How much the examples of each class count in the loss.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeights {
    /// All the same.
    #[default]
    None,
    /// Inversely to the frequency of the class among the training examples, like scikit-learn's `class_weight="balanced"`.
    Balanced,
    /// By label; positive.
    #[serde(untagged)]
    Given(BTreeMap<String, f64>),
}

// Which labels there are depends on the task, so the plan checks them.
impl JsonSchema for ClassWeights {
    fn schema_name() -> Cow<'static, str> {
        "ClassWeights".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "\"none\", \"balanced\" or a table { label = weight }",
            "anyOf": [
                { "enum": ["none", "balanced"] },
                { "type": "object", "additionalProperties": { "type": "number", "exclusiveMinimum": 0 } },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn class_weights_are_a_word_or_a_table() {
        for (written, read) in [
            (json!("none"), Some(ClassWeights::None)),
            (json!("balanced"), Some(ClassWeights::Balanced)),
            (json!({ "a": 2.0 }), Some(ClassWeights::Given([("a".into(), 2.0)].into()))),
            // A label may be called like a word.
            (json!({ "balanced": 2.0 }), Some(ClassWeights::Given([("balanced".into(), 2.0)].into()))),
            (
                json!({ "none": 2.0, "balanced": 0.5 }),
                Some(ClassWeights::Given([("none".into(), 2.0), ("balanced".into(), 0.5)].into())),
            ),
            (json!("even"), None),
            (json!([1.0, 2.0]), None),
            (json!({ "a": "2" }), None),
            (Json::Null, None),
        ] {
            assert_eq!(serde_json::from_value::<ClassWeights>(written.clone()).ok(), read, "{written}");
            if let Some(weights) = read {
                assert_eq!(serde_json::to_value(weights).unwrap(), written);
            }
        }
    }
}
