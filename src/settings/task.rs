//! The key `task`: the name of a GLUE task, or a table.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{OwnTask, SettingProblem};
use crate::task::{Task, glue};

/// The task of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskSetting {
    /// A GLUE task, by name.
    Glue(Box<Task>),
    /// A task on files of its own.
    Own(Box<OwnTask>),
}

impl TaskSetting {
    /// Returns the task as far as it is known before its files are read; `None` if its labels are not.
    #[must_use]
    pub fn outline(&self) -> Option<Task> {
        match self {
            Self::Glue(task) => Some((**task).clone()),
            Self::Own(own) => own.known_labels().map(|labels| own.task(labels)),
        }
    }

    /// Returns everything that is inconsistent, given the setting `data.source`.
    #[must_use]
    pub fn problems(&self, data_source: &str) -> Vec<SettingProblem> {
        match self {
            Self::Glue(_) => Vec::new(),
            Self::Own(own) => own.problems(data_source),
        }
    }

    /// Returns the task's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Glue(task) => &task.name,
            Self::Own(own) => &own.name,
        }
    }
}

impl Serialize for TaskSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Glue(task) => serializer.serialize_str(&task.name),
            Self::Own(own) => own.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TaskSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TaskVisitor)
    }
}

struct TaskVisitor;

impl<'de> Visitor<'de> for TaskVisitor {
    type Value = TaskSetting;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the name of a GLUE task or a table")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<TaskSetting, E> {
        let task = glue::task(name).ok_or_else(|| E::custom(format!("unknown task \"{name}\"")))?;
        Ok(TaskSetting::Glue(Box::new(task)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TaskSetting, A::Error> {
        OwnTask::deserialize(MapAccessDeserializer::new(map)).map(|own| TaskSetting::Own(Box::new(own)))
    }
}

impl JsonSchema for TaskSetting {
    fn schema_name() -> Cow<'static, str> {
        "Task".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = glue::names().collect();
        json_schema!({ "anyOf": [{ "type": "string", "enum": names }, generator.subschema_for::<OwnTask>()] })
    }
}
