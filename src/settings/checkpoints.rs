//! `[checkpoints]`.

use std::borrow::Cow;
use std::fmt;

use super::save::SaveEvery;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which checkpoints to keep, and when to save what `gluepot resume` needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// "best" and "last"; a number keeps that many more of the newest. An empty list keeps none.
    #[schemars(extend("x-effect" = false))]
    pub keep: Keep,
    /// When to save what `gluepot resume` needs: "epoch", a number of steps, "10 minutes", or "never".
    #[schemars(extend("x-effect" = false))]
    pub every: SaveEvery,
}

/// What is kept of the checkpoints that every evaluation writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep(pub Vec<Kept>);

/// One entry of `keep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The one with the best score of the experiment's metric.
    Best,
    /// The newest.
    Last,
    /// So many others, the newest first.
    More(u64),
}

impl Default for Keep {
    fn default() -> Self {
        Self(vec![Kept::Best, Kept::Last])
    }
}

impl Keep {
    /// Whether an entry is in the list.
    #[must_use]
    pub fn contains(&self, kept: Kept) -> bool {
        self.0.contains(&kept)
    }

    /// How many more than the best and the last are kept.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.0.iter().map(|kept| if let Kept::More(n) = kept { *n } else { 0 }).fold(0, u64::saturating_add)
    }
}

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Best => serializer.serialize_str("best"),
            Self::Last => serializer.serialize_str("last"),
            Self::More(n) => serializer.serialize_u64(*n),
        }
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeepVisitor)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeptVisitor)
    }
}

struct KeepVisitor;

impl<'de> Visitor<'de> for KeepVisitor {
    type Value = Keep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of \"best\", \"last\" and numbers, or a number")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Keep, A::Error> {
        let mut kept = Vec::new();
        while let Some(entry) = entries.next_element()? {
            kept.push(entry);
        }
        Ok(Keep(kept))
    }

    /// A bare number adds to the default.
    fn visit_u64<E: Error>(self, n: u64) -> Result<Keep, E> {
        Ok(Keep(vec![Kept::Best, Kept::Last, Kept::More(n)]))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Keep, E> {
        u64::try_from(n).map_err(|_| E::invalid_value(Unexpected::Signed(n), &self)).and_then(|n| self.visit_u64(n))
    }
}

struct KeptVisitor;

impl Visitor<'_> for KeptVisitor {
    type Value = Kept;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"best\", \"last\" or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Kept, E> {
        match text {
            "best" => Ok(Kept::Best),
            "last" => Ok(Kept::Last),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Kept, E> {
        Ok(Kept::More(n))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Kept, E> {
        u64::try_from(n).map(Kept::More).map_err(|_| E::invalid_value(Unexpected::Signed(n), &self))
    }
}

impl JsonSchema for Keep {
    fn schema_name() -> Cow<'static, str> {
        "Keep".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({ "type": "integer", "minimum": 0 });
        json_schema!({ "title": "a list of \"best\", \"last\" and numbers, or a number", "anyOf": [
            { "type": "array", "items": { "anyOf": [{ "enum": ["best", "last"] }, number] } },
            number,
        ] })
    }
}
