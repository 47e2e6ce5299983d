//! `[evaluation]`.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// When to evaluate on the validation split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Evaluation {
    /// "epoch", or a number of steps. The last step is always followed by an evaluation.
    pub every: Interval,
}

/// How often something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interval {
    /// After every pass over the training split.
    #[default]
    Epoch,
    /// After so many steps.
    Steps(NonZeroU64),
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Epoch => serializer.serialize_str("epoch"),
            Self::Steps(steps) => serializer.serialize_u64(steps.get()),
        }
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntervalVisitor)
    }
}

struct IntervalVisitor;

impl Visitor<'_> for IntervalVisitor {
    type Value = Interval;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"epoch\" or a number of steps")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Interval, E> {
        if text == "epoch" { Ok(Interval::Epoch) } else { Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)) }
    }

    fn visit_u64<E: Error>(self, steps: u64) -> Result<Interval, E> {
        NonZeroU64::new(steps).map(Interval::Steps).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(steps), &self))
    }

    fn visit_i64<E: Error>(self, steps: i64) -> Result<Interval, E> {
        self.visit_u64(u64::try_from(steps).unwrap_or(0))
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "\"epoch\" or a number of steps", "anyOf": [{ "const": "epoch" }, { "type": "integer", "minimum": 1 }] })
    }
}
