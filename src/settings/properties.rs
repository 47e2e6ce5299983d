//! Properties of settings besides their type: attributes on their fields, read from the schema.
//!
//! They are given where a field is declared, as in `#[schemars(extend("x-effect" = false))]`:
//!
//! | attribute | default | meaning |
//! |---|---|---|
//! | `x-effect` | true | the value can change weights or scores; otherwise it is not part of a trial's identity |
//! | `x-sweep` | true | a sweep can vary it, unless it has no effect |
//! | `x-axis` | true | it can vary on its own, not only together with the task |
//! | `x-path` | false | the value names a folder or a repository, whose content is hashed in its place |
//! | `x-neutral` | none | for a key that was added later: the value that keeps the earlier behavior |
//! | `x-derived` | none | how the value is determined if it is not set |
//! | `x-replaced-by` | none | the setting that replaces it when that one is set |
//! | `x-trial` | true | it is a setting of a trial, not just of the file that contains it |
//!
//! The attributes are not part of the published schema.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::Settings;
use super::retired::RETIRED;

/// How the value of a setting is determined if it is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// The longest input that the checkpoint and the tokenizer allow.
    LongestInput,
    /// The dropout probabilities in the checkpoint's `config.json`.
    Dropout,
    /// The labels in the training files.
    Labels,
    /// A share of all steps, given by another setting.
    Warmup,
}

/// A setting and its properties.
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The table; empty at the top level.
    pub table: String,
    /// The key.
    pub key: String,
    /// The dotted path, such as `data.batch_size`.
    pub path: String,
    /// Whether the value can change weights or scores.
    pub has_effect: bool,
    /// Whether the value names a folder or a repository.
    pub is_path: bool,
    /// Whether it is a setting of a trial.
    pub is_of_trial: bool,
    /// Whether a sweep can vary it.
    pub can_be_swept: bool,
    /// Whether it can vary on its own, not only together with the task.
    pub can_be_axis: bool,
    /// The value that keeps the behavior from before the key existed.
    pub neutral: Option<Json>,
    /// How the value is determined if it is not set.
    pub derived: Option<Derived>,
    /// The path of the setting that replaces it when that one is set.
    pub replaced_by: Option<String>,
}

/// The attributes of a field; any other attribute that begins with `x-` is an error.
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Attributes {
    #[serde(rename = "x-effect")]
    effect: bool,
    #[serde(rename = "x-sweep")]
    sweep: bool,
    #[serde(rename = "x-axis")]
    axis: bool,
    #[serde(rename = "x-path")]
    path: bool,
    // A neutral value may be null, which means that the setting is off.
    #[serde(rename = "x-neutral", deserialize_with = "present")]
    neutral: Option<Json>,
    #[serde(rename = "x-derived")]
    derived: Option<Derived>,
    #[serde(rename = "x-replaced-by")]
    replaced_by: Option<String>,
    #[serde(rename = "x-trial")]
    trial: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { effect: true, sweep: true, axis: true, path: false, neutral: None, derived: None, replaced_by: None, trial: true }
    }
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// The prefix of attribute names.
const PREFIX: &str = "x-";

/// All settings in the order of the manual: the top level first, then table by table.
#[derive(Clone, Debug, PartialEq)]
pub struct Properties(Vec<Property>);

/// Returns the settings of this version.
///
/// # Panics
/// An attribute in the source is invalid; the tests would find that.
#[must_use]
pub fn properties() -> &'static Properties {
    static PROPERTIES: LazyLock<Properties> = LazyLock::new(|| {
        let schema = schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Settings>();
        Properties::of(&schema.to_value()).unwrap_or_else(|problem| panic!("the attributes of settings are wrong: {problem}"))
    });
    &PROPERTIES
}

impl Properties {
    /// Reads the attributes of all settings in a schema.
    ///
    /// # Errors
    /// An attribute is unknown, has an invalid value, or is not on a setting.
    pub fn of(schema: &Json) -> Result<Self, String> {
        let (mut top, mut tables) = (Vec::new(), Vec::new());
        for (key, property) in fields(schema) {
            let inner = table(schema, property);
            for (inner, property) in inner.into_iter().flat_map(fields) {
                tables.push(Property::of(key, inner, property)?);
            }
            if inner.is_none() || is_value_or_table(property) {
                top.push(Property::of("", key, property)?);
            }
        }
        top.extend(tables);
        let properties = Self(top);
        for property in &properties.0 {
            if let Some(other) = property.replaced_by.as_ref().filter(|other| properties.get(other).is_none()) {
                return Err(format!("{} is replaced by {other}, which does not exist", property.path));
            }
        }
        // An attribute on a table or a type would have no effect.
        let read: usize = fields(schema)
            .map(|(_, property)| {
                let inner = table(schema, property);
                let of_value = if inner.is_none() || is_value_or_table(property) { own(property) } else { 0 };
                of_value + inner.into_iter().flat_map(fields).map(|(_, inner)| own(inner)).sum::<usize>()
            })
            .sum();
        if read == count(schema) { Ok(properties) } else { Err("an attribute is not on a setting".into()) }
    }

    /// Returns the setting at a dotted path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Property> {
        self.0.iter().find(|property| property.path == path)
    }

    /// Iterates over all settings.
    pub fn iter(&self) -> impl Iterator<Item = &Property> {
        self.0.iter()
    }

    /// Whether the value at a path can change weights or scores; true for unknown settings, which might.
    #[must_use]
    pub fn has_effect(&self, path: &str) -> bool {
        self.get(path).is_none_or(|property| property.has_effect)
    }

    /// Whether the value at a path names a folder or a repository.
    #[must_use]
    pub fn is_path(&self, path: &str) -> bool {
        self.get(path).is_some_and(|property| property.is_path)
    }

    /// Whether the value at a path itself is part of a run's identity; for paths to files, the hashed content is instead.
    #[must_use]
    pub fn decides(&self, path: &str) -> bool {
        self.has_effect(path) && !self.is_path(path)
    }

    /// Iterates over the paths of settings that change neither weights nor scores.
    pub fn without_effect(&self) -> impl Iterator<Item = &str> {
        self.of_trial().filter(|property| !property.has_effect).map(|property| property.path.as_str())
    }

    /// Iterates over the paths of settings that name folders or repositories.
    pub fn naming_files(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|property| property.is_path).map(|property| property.path.as_str())
    }

    /// Iterates over the settings of a trial.
    pub fn of_trial(&self) -> impl Iterator<Item = &Property> {
        self.0.iter().filter(|property| property.is_of_trial)
    }

    /// Iterates over the values that keys have in records from before they existed. Settings that are off are not recorded.
    pub fn neutral(&self) -> impl Iterator<Item = (&Property, &Json)> {
        self.0.iter().filter_map(|property| Some((property, property.neutral.as_ref()?))).filter(|(_, value)| !value.is_null())
    }

    /// Adds missing keys to recorded values: keys that did not exist yet with their neutral values, and keys that
    /// no longer exist with their former defaults.
    pub fn complete(&self, recorded: &mut BTreeMap<String, Json>) {
        let neutral = self.neutral().map(|(property, value)| (property.path.clone(), value.clone()));
        let retired = RETIRED.iter().map(|retired| (retired.path.to_string(), retired.value.into()));
        for (path, value) in neutral.chain(retired) {
            recorded.entry(path).or_insert(value);
        }
    }

    /// Returns the values that form an identity. Keys that were added later are included only if they are not neutral, so that
    /// older identities stay the same; retired keys are always included, for the same reason.
    #[must_use]
    pub fn identifying(&self, values: &BTreeMap<String, &Json>) -> BTreeMap<String, Json> {
        let is_neutral = |path: &str, value: &Json| {
            self.get(path).and_then(|property| property.neutral.as_ref()).is_some_and(|neutral| equal(neutral, value))
        };
        let hashed = values.iter().filter(|(path, value)| self.decides(path) && !is_neutral(path, value));
        let mut hashed: BTreeMap<String, Json> = hashed.map(|(path, value)| (path.clone(), (*value).clone())).collect();
        for retired in &RETIRED {
            hashed.entry(retired.path.into()).or_insert_with(|| retired.value.into());
        }
        hashed
    }
}

/// Whether two values of a setting are equal; 1 equals 1.0.
fn equal(a: &Json, b: &Json) -> bool {
    a == b || a.as_f64().is_some_and(|a| Some(a) == b.as_f64())
}

impl Property {
    fn of(table: &str, key: &str, schema: &Json) -> Result<Self, String> {
        let path = if table.is_empty() { key.to_string() } else { format!("{table}.{key}") };
        let own: Map<String, Json> = attributes(schema).map(|(name, value)| (name.clone(), value.clone())).collect();
        let Attributes { effect, sweep, axis, path: is_path, neutral, derived, replaced_by, trial } =
            serde_json::from_value(own.into()).map_err(|error| format!("{path}: {error}"))?;
        let can_be_off = schema.get("type").and_then(Json::as_array).is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"));
        if neutral.as_ref().is_some_and(|neutral| neutral.is_null() != can_be_off) {
            return Err(format!("{path}: the neutral value is null where a setting can be off, and only there"));
        }
        Ok(Self {
            table: table.into(),
            key: key.into(),
            path,
            has_effect: effect,
            is_path,
            is_of_trial: trial,
            can_be_swept: effect && sweep && trial,
            can_be_axis: effect && sweep && trial && axis,
            neutral,
            derived,
            replaced_by,
        })
    }
}

fn fields(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema.get("properties").and_then(Json::as_object).into_iter().flatten()
}

/// Returns the table that a field is or can be, if any.
fn table<'a>(schema: &'a Json, field: &'a Json) -> Option<&'a Json> {
    let definition = |reference: &'a Json| {
        let pointer = reference.get("$ref")?.as_str()?.trim_start_matches('#');
        schema.pointer(pointer).filter(|definition| definition.get("properties").is_some())
    };
    let forms = field.get("anyOf").and_then(Json::as_array).into_iter().flatten();
    definition(field).or_else(|| forms.filter(|_| is_value_or_table(field)).find_map(definition))
}

/// Whether a field is a value or, instead, a table. (A table that is optional is `null` or a table.)
fn is_value_or_table(field: &Json) -> bool {
    let forms = field.get("anyOf").and_then(Json::as_array);
    forms.is_some_and(|forms| forms.iter().any(|form| form.get("type").is_some_and(|kind| kind == "string")))
}

fn attributes(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with(PREFIX))
}

fn own(schema: &Json) -> usize {
    attributes(schema).count()
}

/// Counts the attributes anywhere in a schema.
fn count(schema: &Json) -> usize {
    match schema {
        Json::Object(entries) => own(schema) + entries.values().map(count).sum::<usize>(),
        Json::Array(entries) => entries.iter().map(count).sum(),
        _ => 0,
    }
}

/// Removes the attributes from the published schema: editors and strict validators do not know them.
pub fn strip(schema: &mut Json) {
    match schema {
        Json::Object(entries) => {
            entries.retain(|name, _| !name.starts_with(PREFIX));
            entries.values_mut().for_each(strip);
        }
        Json::Array(entries) => entries.iter_mut().for_each(strip),
        _ => {}
    }
}
