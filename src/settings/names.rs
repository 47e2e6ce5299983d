//! The names of metrics.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::task::metrics::{ALL, Direction, LOSS, Metric};

/// The name of a metric, or "loss".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MetricName(String);

impl MetricName {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Returns the metric; `None` for the loss.
    #[must_use]
    pub fn metric(&self) -> Option<Metric> {
        Metric::named(&self.0)
    }

    /// Returns whether larger or smaller scores are better.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.metric().map_or(Direction::Minimize, |metric| metric.direction)
    }

    fn known() -> Vec<&'static str> {
        ALL.iter().map(|metric| metric.name).chain([LOSS]).collect()
    }
}

impl<'de> Deserialize<'de> for MetricName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if Self::known().contains(&name.as_str()) {
            Ok(Self(name))
        } else {
            Err(D::Error::custom(format!("unknown metric \"{name}\"")))
        }
    }
}

impl JsonSchema for MetricName {
    fn schema_name() -> Cow<'static, str> {
        "MetricName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::known() })
    }
}
