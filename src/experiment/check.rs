//! The check of values against the schema.
//!
//! It reads the schema that editors read, so that they and this program cannot disagree.

use std::sync::LazyLock;

use figment::value::{Dict, Num, Value};
use regex_lite::Regex;
use serde_json::{Map, Value as Json};

use super::hint::{Hint, meant};
use super::suggest::nearest;
use super::sweepable;
use super::words::{bounds, either, number, plural, short, shown, whole, written};

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
    pub hints: Vec<Hint>,
    /// Which part is wrong.
    pub part: Part,
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

/// Unknown keys that are told what they may mean.
const MOST_HINTS: usize = 300;

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
            let help = example.map(|example| Hint::Words(format!("add a line such as `{key} = {}`", written(example))));
            self.refusals.push(Refusal {
                path: join(prefix, key),
                message: format!("the key `{key}` is missing"),
                label: None,
                hints: help.into_iter().collect(),
                part: Part::Missing,
            });
        }
    }

    fn unknown(&mut self, key: &str, path: String, prefix: &str, properties: &Map<String, Json>) {
        // Nobody reads so many, and each is compared with every known name.
        let is_hinted = self.refusals.len() < MOST_HINTS;
        let hint = is_hinted.then(|| meant(key, prefix, properties, self.root));
        self.meant.extend(hint.as_ref().and_then(Hint::path).map(String::from));
        self.refusals.push(Refusal {
            message: format!("`{}` is not a setting", short(&path)),
            path,
            label: Some("unknown key".into()),
            hints: hint.into_iter().collect(),
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
        let mut hints = Vec::new();
        if let Some(text) = value.as_str() {
            hints.extend(
                nearest(text, self.words(schema).into_iter()).map(|near| Hint::Words(format!("did you mean \"{near}\"?"))),
            );
            if numbers(text).into_iter().flatten().any(|number| self.accepts(&number, schema)) {
                hints.extend(number(text).map(|number| Hint::Number(number.clone(), number == text)));
            } else if matches!(text, "true" | "false") && self.accepts(&Value::from(true), schema) {
                hints.push(Hint::Words(format!("write {text} without quotes")));
            } else if matches!(text, "True" | "False") && self.accepts(&Value::from(true), schema) {
                hints.push(Hint::Words(format!("write {}", text.to_lowercase())));
            }
        } else if matches!(value, Value::Num(..) | Value::Bool(..)) && self.takes_text(schema) {
            hints.push(Hint::Text);
        }
        hints.extend(in_place_of_a_table(path, value).or_else(|| steps_as_a_share(path, value)));
        self.refusals.push(Refusal {
            path: path.to_string(),
            message: format!("`{}` cannot be {}", short(path), shown(value)),
            label: Some(format!("expected {expected}")),
            hints,
            part: Part::Value,
        });
    }

    /// Whether any text would do.
    fn takes_text(&self, schema: &'a Json) -> bool {
        let schema = self.resolve(schema);
        types(schema).contains(&"string") && ["enum", "pattern"].iter().all(|key| schema.get(key).is_none())
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

/// A value where a table belongs, by the name that the value has elsewhere.
fn in_place_of_a_table(path: &str, value: &Value) -> Option<Hint> {
    let meant = match path {
        _ if matches!(value, Value::Dict(..)) => return None,
        "model" => "checkpoint",
        "data" => "data.source",
        "schedule" => "schedule.kind",
        "evaluation" => "evaluation.every",
        "checkpoints" => "checkpoints.keep",
        "logging" => "logging.every",
        "optimizer" => return Some(Hint::Words("the optimizer is AdamW; its settings are in the table [optimizer]".into())),
        _ => return None,
    };
    Some(Hint::Misspelt(meant.into()))
}

/// `warmup_steps = 0.1`, which is a share of the steps in other tools.
fn steps_as_a_share(path: &str, value: &Value) -> Option<Hint> {
    let share = value.to_num().and_then(|number| float(&number)).filter(|share| *share > 0.0 && *share < 1.0)?;
    (path == "schedule.warmup_steps").then(|| Hint::Words(format!("for a share of all steps, write warmup_ratio = {share}")))
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
