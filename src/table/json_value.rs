//! What a JSON object has at the wanted keys, read without building the rest.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::row::Cell;
use crate::terminal::brief;

/// An object's keys.
pub(super) struct Keys(pub Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(KeyVisitor)
    }
}

/// Reads the cells of these keys; the inner error is about a value.
pub(super) struct CellsOf<'a>(pub &'a [String]);

impl<'de> DeserializeSeed<'de> for CellsOf<'_> {
    type Value = Result<Vec<Cell>, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for CellsOf<'_> {
    type Value = Result<Vec<Cell>, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells: Vec<Option<Cell>> = vec![None; self.0.len()];
        let mut problem = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if !self.0.iter().any(|wanted| *wanted == key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            match map.next_value::<JsonValue>()?.cell() {
                Ok(cell) => {
                    for (place, _) in self.0.iter().enumerate().filter(|(_, wanted)| **wanted == key) {
                        if cells[place].replace(cell.clone()).is_some() {
                            problem.get_or_insert_with(|| format!("the object has \"{}\" twice", brief(&key)));
                        }
                    }
                }
                Err(found) => {
                    let expected = "text, a number, true, false, null, or a list of texts or whole numbers";
                    problem.get_or_insert_with(|| format!("\"{}\" is {found}, expected {expected}", brief(&key)));
                }
            }
        }
        Ok(problem.map_or_else(|| Ok(cells.into_iter().map(|cell| cell.unwrap_or(Cell::Missing)).collect()), Err))
    }
}

/// A value of JSON, as far as a cell can hold it.
enum JsonValue {
    Null,
    Bool(bool),
    Text(String),
    Whole(String),
    Decimal(f64),
    List(Vec<String>),
    /// What it is instead.
    Other(&'static str),
}

/// From here on, a whole number is not read exactly.
const INEXACT: f64 = 18_446_744_073_709_551_616.0;

impl JsonValue {
    fn cell(self) -> Result<Cell, &'static str> {
        match self {
            Self::Null => Ok(Cell::Missing),
            Self::Bool(value) => Ok(Cell::Text(value.to_string())),
            Self::Text(text) => Ok(Cell::text(text)),
            Self::Whole(digits) => Ok(Cell::Text(digits)),
            Self::Decimal(number) if number.abs() < INEXACT => Ok(Cell::Text(number.to_string())),
            Self::Decimal(_) => Err("a number too large to be read exactly (write it as text)"),
            Self::List(items) => Ok(Cell::List(items)),
            Self::Other(found) => Err(found),
        }
    }
}

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = JsonValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonValue, E> {
        Ok(JsonValue::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<JsonValue, E> {
        Ok(JsonValue::Whole(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<JsonValue, E> {
        Ok(JsonValue::Whole(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<JsonValue, E> {
        Ok(JsonValue::Decimal(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonValue, E> {
        Ok(JsonValue::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonValue, A::Error> {
        let (mut items, mut others) = (Vec::new(), 0);
        while let Some(item) = seq.next_element()? {
            match item {
                JsonValue::Text(text) | JsonValue::Whole(text) => items.push(text),
                _ => others += 1,
            }
        }
        Ok(if others == 0 { JsonValue::List(items) } else { JsonValue::Other("a list of something else") })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonValue, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(JsonValue::Other("an object"))
    }
}
