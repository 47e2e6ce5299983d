//! Names that are looked up in a table.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::task::metrics::LOSS;
use crate::task::{Task, glue};

/// The name of a GLUE task, together with the task.
#[derive(Clone, Debug)]
pub struct TaskName(Task);

impl TaskName {
    /// Returns the task.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.0
    }
}

impl PartialEq for TaskName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Serialize for TaskName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.name)
    }
}

impl<'de> Deserialize<'de> for TaskName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        glue::task(&name).map(Self).ok_or_else(|| D::Error::custom(format!("unknown task \"{name}\"")))
    }
}

impl JsonSchema for TaskName {
    fn schema_name() -> Cow<'static, str> {
        "TaskName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = glue::names().collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// The name of a metric that at least one task has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MetricName(String);

impl MetricName {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    fn known() -> Vec<&'static str> {
        glue::metrics().iter().map(|metric| metric.name).chain([LOSS]).collect()
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
