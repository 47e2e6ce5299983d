//! The JSON Schema of experiment files, and the check of a value against it.
//!
//! The schema is generated from the settings' types; the check reads the same schema, so that editors
//! and this program cannot disagree.

use std::sync::LazyLock;

use figment::value::{Dict, Num, Value};
use regex_lite::Regex;
use serde_json::{Map, Value as Json};

use super::suggest::{here, nearest, where_it_belongs};
use super::sweepable;
use super::words::{bounds, either, shown, whole, written};
use crate::settings::{Settings, Sweep};

/// The schema of experiment files.
#[must_use]
pub fn schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(generated);
    &SCHEMA
}

fn generated() -> Json {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let sweep = generator.subschema_for::<Sweep>().to_value();
    let mut schema = generator.into_root_schema_for::<Settings>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), Json::from("gluepot experiment"));
    }
    // A sweep is a part of the file, but no setting of a trial.
    if let Some(properties) = schema.pointer_mut("/properties").and_then(Json::as_object_mut) {
        properties.insert("sweep".into(), sweep);
    }
    sweepable::fill_in(&mut schema);
    // The default is the file's name, which no schema can say.
    if let Some(name) = schema.pointer_mut("/properties/name").and_then(Json::as_object_mut) {
        name.remove("default");
    }
    schema
}

/// A value that the schema refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Dotted path of the key.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Vec<String>,
    /// Which part is wrong.
    pub part: Part,
}

/// An example for each required key, as the schema gives them.
#[must_use]
pub fn examples(schema: &Json) -> Vec<(String, Value)> {
    let required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    required
        .filter_map(|key| {
            let example = schema.pointer(&format!("/properties/{key}/examples/0"))?;
            Some((key.to_string(), Value::serialize(example).ok()?))
        })
        .collect()
}

/// The part of an entry that a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key is unknown.
    Key,
    /// The value does not fit.
    Value,
    /// The key is missing.
    Missing,
}

/// Everything in `values` that the schema refuses.
#[must_use]
pub fn check(values: &Dict, schema: &Json) -> Vec<Refusal> {
    let mut check = Check { root: schema, refusals: Vec::new(), meant: Vec::new() };
    check.table(values, schema, "");
    // A key that stands there under another name is not missing, and with a base that is refused nothing is.
    let base_is_wrong = check.refusals.iter().any(|refusal| refusal.path == "base");
    let meant = check.meant;
    let is_told = |refusal: &Refusal| refusal.part == Part::Missing && (base_is_wrong || meant.contains(&refusal.path));
    check.refusals.into_iter().filter(|refusal| !is_told(refusal)).collect()
}

static NOTHING: LazyLock<Map<String, Json>> = LazyLock::new(Map::new);

struct Check<'a> {
    root: &'a Json,
    refusals: Vec<Refusal>,
    /// Keys that unknown ones probably mean.
    meant: Vec<String>,
}

impl<'a> Check<'a> {
    fn resolve(&self, schema: &'a Json) -> &'a Json {
        let target =
            schema.get("$ref").and_then(Json::as_str).and_then(|reference| self.root.pointer(reference.trim_start_matches('#')));
        target.map_or(schema, |target| self.resolve(target))
    }

    fn table(&mut self, values: &Dict, schema: &'a Json, prefix: &str) {
        let properties = self.resolve(schema).get("properties").and_then(Json::as_object).unwrap_or(&NOTHING);
        for (key, value) in values {
            let path = join(prefix, key);
            match properties.get(key) {
                Some(schema) => self.value(value, schema, &path),
                None => self.unknown(key, path, prefix, properties),
            }
        }
        let required =
            self.resolve(schema).get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for key in required.filter(|key| !values.contains_key(*key)) {
            let example = properties.get(key).and_then(|schema| schema.get("examples")).and_then(|examples| examples.get(0));
            let help = example.map(|example| format!("add a line such as `{key} = {}`", written(example)));
            self.refusals.push(Refusal {
                path: join(prefix, key),
                message: format!("the key `{key}` is missing"),
                label: None,
                help: help.into_iter().collect(),
                part: Part::Missing,
            });
        }
    }

    fn unknown(&mut self, key: &str, path: String, prefix: &str, properties: &Map<String, Json>) {
        let near = nearest(key, properties.keys().map(String::as_str));
        self.meant.extend(here(key).or(near).map(|meant| join(if here(key).is_some() { "" } else { prefix }, meant)));
        let belongs = where_it_belongs(key, prefix, self.root);
        let dotted = key.split_once('.').map(|(table, key)| format!("write it as `{key}` in the table [{table}]"));
        let varies = prefix.starts_with("sweep.").then(|| swept(key, properties)).flatten();
        let hint = match (varies.or(dotted.filter(|_| !prefix.starts_with("sweep."))).or(belongs), near) {
            (Some(place), _) => place,
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => {
                let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                let place = if prefix.is_empty() { "an experiment has".to_string() } else { format!("[{prefix}] has") };
                format!("{place} the keys {}", known.join(", "))
            }
        };
        self.refusals.push(Refusal {
            message: format!("`{path}` is not a setting"),
            path,
            label: Some("unknown key".into()),
            help: vec![hint],
            part: Part::Key,
        });
    }

    fn value(&mut self, value: &Value, schema: &'a Json, path: &str) {
        let schema = self.alternative(value, schema);
        if let (Value::Dict(_, values), true) = (value, schema.get("properties").is_some()) {
            return self.table(values, schema, path);
        }
        if self.accepts(value, schema) {
            return;
        }
        if let (Value::Array(_, entries), Some(items)) = (value, schema.get("items").filter(|_| enough(value, schema))) {
            return entries.iter().enumerate().for_each(|(index, entry)| self.value(entry, items, &format!("{path}[{index}]")));
        }
        let expected = self.describe(schema);
        let numbers = |text: &str| [text.parse::<i64>().ok().map(Value::from), text.parse::<f64>().ok().map(Value::from)];
        let mut help = Vec::new();
        if let Some(text) = value.as_str() {
            help.extend(nearest(text, self.words(schema).into_iter()).map(|near| format!("did you mean \"{near}\"?")));
            let unquoted = numbers(text).into_iter().chain([text.parse::<bool>().ok().map(Value::from)]);
            if unquoted.flatten().any(|unquoted| self.accepts(&unquoted, schema)) {
                help.push(format!("write {text} without quotes"));
            } else if matches!(text, "True" | "False") && self.accepts(&Value::from(true), schema) {
                help.push(format!("write {}", text.to_lowercase()));
            }
        }
        self.refusals.push(Refusal {
            path: path.to_string(),
            message: format!("`{path}` cannot be {}", shown(value)),
            label: Some(format!("expected {expected}")),
            help,
            part: Part::Value,
        });
    }

    /// Of several forms, the one that the value has: what is wrong inside is then said inside.
    fn alternative(&self, value: &Value, schema: &'a Json) -> &'a Json {
        let schema = self.resolve(schema);
        let options = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array);
        let has_form = |option: &&'a Json| match value {
            Value::Dict(..) => option.get("properties").is_some(),
            Value::Array(..) => option.get("items").is_some(),
            _ => false,
        };
        options.and_then(|options| options.iter().map(|option| self.resolve(option)).find(has_form)).unwrap_or(schema)
    }

    fn accepts(&self, value: &Value, schema: &'a Json) -> bool {
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

    fn accepts_table(&self, entries: &Dict, schema: &'a Json) -> bool {
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return true };
        let mut required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let fits = |(key, value): (&String, &Value)| properties.get(key).is_some_and(|schema| self.accepts(value, schema));
        required.all(|key| entries.contains_key(key)) && entries.iter().all(fits)
    }

    /// The words that a value may be.
    fn words(&self, schema: &'a Json) -> Vec<&'a str> {
        let schema = self.resolve(schema);
        let options = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array).into_iter().flatten();
        let own = schema.get("const").into_iter().chain(schema.get("enum").and_then(Json::as_array).into_iter().flatten());
        own.filter_map(Json::as_str).chain(options.flat_map(|option| self.words(option))).collect()
    }

    /// What a value must be, in words.
    fn describe(&self, schema: &'a Json) -> String {
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
                    Some(items) if schema.get("minItems").is_some() => format!("a list, not empty, of {}", self.describe(items)),
                    Some(items) => format!("a list of {}", self.describe(items)),
                    None => "a list".to_string(),
                },
                "object" => "a table".to_string(),
                other => other.to_string(),
            })
            .collect();
        either(&described)
    }
}

/// Whether a list is as long as it has to be.
fn enough(value: &Value, schema: &Json) -> bool {
    let least = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0);
    value.as_array().is_none_or(|entries| entries.len() as u64 >= least)
}

/// Whether the setting at a dotted path can have this value.
#[must_use]
pub fn can_be(schema: &Json, path: &str, value: &Value) -> bool {
    let check = Check { root: schema, refusals: Vec::new(), meant: Vec::new() };
    let property = sweepable::pointer(schema, path).and_then(|pointer| schema.pointer(&pointer[1..]));
    property.is_some_and(|property| check.accepts(value, property))
}

/// What the setting at a dotted path must be, in words.
#[must_use]
pub fn must_be(schema: &Json, path: &str) -> String {
    let check = Check { root: schema, refusals: Vec::new(), meant: Vec::new() };
    let property = sweepable::pointer(schema, path).and_then(|pointer| schema.pointer(&pointer[1..]));
    property.map_or_else(|| "a setting".into(), |property| check.describe(property))
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

/// What was probably meant by a key that no sweep varies.
fn swept(key: &str, properties: &Map<String, Json>) -> Option<String> {
    if key == "seed" {
        return Some("seeds are replicates, no axis: write `seeds = [1, 2, 3]` in the table [sweep]".into());
    }
    let ends = |path: &&String| path.rsplit('.').next() == Some(key) || path.starts_with(&format!("{key}."));
    let meant = properties.keys().find(ends)?;
    Some(format!("write the setting's whole path in quotes, such as \"{meant}\""))
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_string() } else { format!("{prefix}.{key}") }
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

fn float(number: &Num) -> Option<f64> {
    number.to_f64().or_else(|| whole(number)).filter(|n| n.is_finite())
}

fn within(n: f64, schema: &Json) -> bool {
    let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
    bound("minimum").is_none_or(|least| n >= least)
        && bound("maximum").is_none_or(|most| n <= most)
        && bound("exclusiveMinimum").is_none_or(|least| n > least)
        && bound("exclusiveMaximum").is_none_or(|most| n < most)
}
