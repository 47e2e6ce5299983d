//! `checkpoints.every`.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// When everything is saved that training needs to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveEvery {
    /// After every pass over the training split.
    #[default]
    Epoch,
    /// After so many steps.
    Steps(NonZeroU64),
    /// After the step that ends so many minutes.
    Minutes(NonZeroU64),
    /// Only when somebody asks training to stop.
    Never,
}

impl SaveEvery {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "epoch" => Some(Self::Epoch),
            "never" => Some(Self::Never),
            _ => {
                let number = text.strip_suffix(" minutes").or_else(|| text.strip_suffix(" minute"))?;
                // The schema takes no sign and no leading zero.
                number.starts_with(|c: char| matches!(c, '1'..='9')).then(|| number.parse().ok()).flatten().map(Self::Minutes)
            }
        }
    }
}

impl Serialize for SaveEvery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Epoch => serializer.serialize_str("epoch"),
            Self::Never => serializer.serialize_str("never"),
            Self::Steps(steps) => serializer.serialize_u64(steps.get()),
            Self::Minutes(minutes) if minutes.get() == 1 => serializer.serialize_str("1 minute"),
            Self::Minutes(minutes) => serializer.serialize_str(&format!("{minutes} minutes")),
        }
    }
}

impl<'de> Deserialize<'de> for SaveEvery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SaveVisitor)
    }
}

struct SaveVisitor;

impl Visitor<'_> for SaveVisitor {
    type Value = SaveEvery;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"epoch\", a number of steps, \"10 minutes\" or \"never\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SaveEvery, E> {
        SaveEvery::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_u64<E: Error>(self, steps: u64) -> Result<SaveEvery, E> {
        NonZeroU64::new(steps).map(SaveEvery::Steps).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(steps), &self))
    }

    fn visit_i64<E: Error>(self, steps: i64) -> Result<SaveEvery, E> {
        self.visit_u64(u64::try_from(steps).unwrap_or(0))
    }
}

impl JsonSchema for SaveEvery {
    fn schema_name() -> Cow<'static, str> {
        "SaveEvery".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "\"epoch\", a number of steps, \"10 minutes\" or \"never\"",
            "anyOf": [
                { "enum": ["epoch", "never"] },
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^[1-9][0-9]{0,8} minutes?$" },
            ],
        })
    }
}
