//! A validator for the subset of JSON Schema that the schema of experiments uses.
//!
//! It uses the same schema as editors, and figment's values, which know where they were written.

use std::collections::HashMap;
use std::sync::LazyLock;

use figment::value::{Dict, Num, Value};
use regex_lite::Regex;
use serde_json::Value as Json;

use super::schema::schema;
use super::sweepable;
use super::words::{bounds, either, plural, whole};

/// A validator for a schema whose definitions are in `root`.
#[derive(Clone, Copy)]
pub(super) struct Validator<'a> {
    root: &'a Json,
}

impl<'a> Validator<'a> {
    pub fn new(root: &'a Json) -> Self {
        Self { root }
    }

    pub fn root(self) -> &'a Json {
        self.root
    }

    /// Follows `$ref` to the schema that it names.
    pub fn resolve(self, schema: &'a Json) -> &'a Json {
        let target =
            schema.get("$ref").and_then(Json::as_str).and_then(|reference| self.root.pointer(reference.trim_start_matches('#')));
        target.map_or(schema, |target| self.resolve(target))
    }

    /// Whether the schema accepts arbitrary text.
    pub fn takes_text(self, schema: &'a Json) -> bool {
        let schema = self.resolve(schema);
        types(schema).contains(&"string") && ["enum", "pattern"].iter().all(|key| schema.get(key).is_none())
    }

    /// Returns the alternative that has the value's form, so that errors refer to the part inside it.
    pub fn alternative(self, value: &Value, schema: &'a Json) -> &'a Json {
        let schema = self.resolve(schema);
        let options = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array);
        let has_form = |option: &&'a Json| match value {
            Value::Dict(..) => option.get("properties").is_some() || of_any_key(option).is_some(),
            Value::Array(..) => option.get("items").is_some(),
            _ => false,
        };
        options.and_then(|options| options.iter().map(|option| self.resolve(option)).find(has_form)).unwrap_or(schema)
    }

    pub fn accepts(self, value: &Value, schema: &'a Json) -> bool {
        let schema = self.resolve(schema);
        if let Some(options) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            return options.iter().any(|option| self.accepts(value, option));
        }
        if let Some(constant) = schema.get("const") {
            return equals(value, constant);
        }
        if let Some(values) = schema.get("enum").and_then(Json::as_array) {
            return values.iter().any(|known| equals(value, known));
        }
        types(schema).iter().any(|kind| match (*kind, value) {
            ("string", Value::String(_, text)) => {
                schema.get("minLength").and_then(Json::as_u64).is_none_or(|least| text.chars().count() as u64 >= least)
                    && schema.get("pattern").and_then(Json::as_str).is_none_or(|pattern| matches(pattern, text))
            }
            ("integer", Value::Num(_, number)) => whole(number).is_some_and(|n| within(n, schema)),
            ("number", Value::Num(_, number)) => float(number).is_some_and(|n| within(n, schema)),
            ("array", Value::Array(_, entries)) => {
                enough(value, schema)
                    && schema.get("items").is_none_or(|items| entries.iter().all(|entry| self.accepts(entry, items)))
            }
            ("object", Value::Dict(_, entries)) => self.accepts_table(entries, schema),
            ("boolean", Value::Bool(..)) | ("null", Value::Empty(..)) => true,
            _ => false,
        })
    }

    fn accepts_table(self, entries: &Dict, schema: &'a Json) -> bool {
        if let Some(schema) = of_any_key(schema) {
            return entries.values().all(|value| self.accepts(value, schema));
        }
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return true };
        let mut required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let fits = |(key, value): (&String, &Value)| properties.get(key).is_some_and(|schema| self.accepts(value, schema));
        required.all(|key| entries.contains_key(key)) && entries.iter().all(fits)
    }

    /// Returns the words that the schema allows.
    pub fn words(self, schema: &'a Json) -> Vec<&'a str> {
        let schema = self.resolve(schema);
        let options = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array).into_iter().flatten();
        let own = schema.get("const").into_iter().chain(schema.get("enum").and_then(Json::as_array).into_iter().flatten());
        own.filter_map(Json::as_str).chain(options.flat_map(|option| self.words(option))).collect()
    }

    /// Describes in words what the schema accepts.
    pub fn describe(self, schema: &'a Json) -> String {
        let schema = self.resolve(schema);
        if let Some(title) = schema.get("title").and_then(Json::as_str) {
            return title.to_string();
        }
        if let Some(options) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            let options: Vec<String> =
                options.iter().map(|option| self.describe(option)).filter(|text| text != "nothing").collect();
            return either(&options);
        }
        if let Some(constant) = schema.get("const") {
            return constant.to_string();
        }
        if let Some(values) = schema.get("enum").and_then(Json::as_array) {
            return either(&values.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        let described: Vec<String> = types(schema)
            .iter()
            .filter(|kind| **kind != "null")
            .map(|kind| match *kind {
                "string" if schema.get("minLength").is_some() => "text in quotes, not empty".to_string(),
                "string" => "text in quotes".to_string(),
                "boolean" => "true or false".to_string(),
                "integer" => format!("a whole number{}", bounds(schema)),
                "number" => format!("a number{}", bounds(schema)),
                "array" => match schema.get("items") {
                    Some(items) if schema.get("minItems").is_some() => {
                        format!("a non-empty list of {}", plural(&self.describe(items)))
                    }
                    Some(items) => format!("a list of {}", plural(&self.describe(items))),
                    None => "a list".to_string(),
                },
                "object" => "a table".to_string(),
                other => other.to_string(),
            })
            .collect();
        either(&described)
    }
}

/// Returns the schema of the values of a table whose keys may have any names, such as a task's labels.
pub(super) fn of_any_key(schema: &Json) -> Option<&Json> {
    schema.get("additionalProperties").filter(|values| values.is_object() && schema.get("properties").is_none())
}

/// Whether a list has the minimum length.
pub(super) fn enough(value: &Value, schema: &Json) -> bool {
    let least = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0);
    value.as_array().is_none_or(|entries| entries.len() as u64 >= least)
}

/// Whether the setting at a dotted path accepts this value.
#[must_use]
pub fn can_be(schema: &Json, path: &str, value: &Value) -> bool {
    let validator = Validator::new(schema);
    let property = sweepable::pointer(schema, path).and_then(|pointer| schema.pointer(&pointer[1..]));
    property.is_some_and(|property| validator.accepts(value, property))
}

/// Describes in words what the setting at a dotted path accepts.
#[must_use]
pub fn must_be(schema: &Json, path: &str) -> String {
    let validator = Validator::new(schema);
    let property = sweepable::pointer(schema, path).and_then(|pointer| schema.pointer(&pointer[1..]));
    property.map_or_else(|| "a setting".into(), |property| validator.describe(property))
}

/// The patterns of this program's schema, compiled once.
static PATTERNS: LazyLock<HashMap<String, Regex>> = LazyLock::new(|| {
    let mut patterns = HashMap::new();
    compile_patterns(schema(), &mut patterns);
    patterns
});

fn compile_patterns(schema: &Json, patterns: &mut HashMap<String, Regex>) {
    match schema {
        Json::Object(entries) => {
            if let Some((pattern, regex)) =
                entries.get("pattern").and_then(Json::as_str).map(|pattern| (pattern, Regex::new(pattern)))
            {
                patterns.insert(pattern.into(), regex.expect("patterns of settings are regular expressions"));
            }
            entries.values().for_each(|inner| compile_patterns(inner, patterns));
        }
        Json::Array(entries) => entries.iter().for_each(|inner| compile_patterns(inner, patterns)),
        _ => {}
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    PATTERNS.get(pattern).is_some_and(|pattern| pattern.is_match(text))
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(kind)) => vec![kind],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn equals(value: &Value, known: &Json) -> bool {
    value.as_str().is_some_and(|text| Some(text) == known.as_str())
}

pub(super) fn float(number: &Num) -> Option<f64> {
    number.to_f64().or_else(|| whole(number)).filter(|n| n.is_finite())
}

fn within(n: f64, schema: &Json) -> bool {
    let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
    bound("minimum").is_none_or(|least| n >= least)
        && bound("maximum").is_none_or(|most| n <= most)
        && bound("exclusiveMinimum").is_none_or(|least| n > least)
        && bound("exclusiveMaximum").is_none_or(|most| n < most)
}
