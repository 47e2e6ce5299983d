//! Checks values against the schema.
//!
//! This is the same schema that editors use, so that they and this program cannot disagree.

use std::sync::LazyLock;

use figment::value::{Dict, Value};
use serde_json::{Map, Value as Json};

use super::hint::{Hint, suggestion};
use super::validator::{Validator, enough, float, of_any_key};
use super::words::{number, short, shown, written};
use crate::terminal::nearest;

/// A value that the schema rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The dotted path of the key.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// A short label next to the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub hints: Vec<Hint>,
    /// The part of the entry that is wrong.
    pub part: Part,
}

/// The part of an entry that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key is unknown.
    Key,
    /// The value is invalid.
    Value,
    /// The key is missing.
    Missing,
}

/// Returns everything in `values` that the schema rejects.
#[must_use]
pub fn check(values: &Dict, schema: &Json) -> Vec<Refusal> {
    let mut check = Check { schema: Validator::new(schema), refusals: Vec::new(), suggested: Vec::new() };
    check.table(values, schema, "");
    // A key present under a misspelled name is not missing, and if `base` is rejected, it may have set any key.
    let base_is_wrong = check.refusals.iter().any(|refusal| refusal.path == "base");
    let suggested = check.suggested;
    let is_reported = |refusal: &Refusal| refusal.part == Part::Missing && (base_is_wrong || suggested.contains(&refusal.path));
    check.refusals.into_iter().filter(|refusal| !is_reported(refusal)).collect()
}

static NOTHING: LazyLock<Map<String, Json>> = LazyLock::new(Map::new);

/// The number of refusals after which unknown keys get no more suggestions.
const MOST_HINTS: usize = 300;

struct Check<'a> {
    schema: Validator<'a>,
    refusals: Vec<Refusal>,
    /// The keys that unknown ones probably stand for.
    suggested: Vec<String>,
}

impl<'a> Check<'a> {
    fn table(&mut self, values: &Dict, schema: &'a Json, prefix: &str) {
        let properties = self.schema.resolve(schema).get("properties").and_then(Json::as_object).unwrap_or(&NOTHING);
        for (key, value) in values {
            let path = join(prefix, key);
            match properties.get(key) {
                Some(schema) => self.value(value, schema, &path),
                None => self.unknown(key, path, prefix, properties),
            }
        }
        let required =
            self.schema.resolve(schema).get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
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
        // Nobody reads that many, and each unknown key is compared with every known name.
        let is_hinted = self.refusals.len() < MOST_HINTS;
        let hint = is_hinted.then(|| suggestion(key, prefix, properties, self.schema.root()));
        self.suggested.extend(hint.as_ref().and_then(Hint::path).map(String::from));
        self.refusals.push(Refusal {
            message: format!("`{}` is not a setting", short(&path)),
            path,
            label: Some("unknown key".into()),
            hints: hint.into_iter().collect(),
            part: Part::Key,
        });
    }

    fn value(&mut self, value: &Value, schema: &'a Json, path: &str) {
        let schema = self.schema.alternative(value, schema);
        if let (Value::Dict(_, values), true) = (value, schema.get("properties").is_some()) {
            return self.table(values, schema, path);
        }
        if self.schema.accepts(value, schema) {
            return;
        }
        if let (Value::Dict(_, entries), Some(values)) = (value, of_any_key(schema)) {
            return entries.iter().for_each(|(key, entry)| self.value(entry, values, &join(path, key)));
        }
        if let (Value::Array(_, entries), Some(items)) = (value, schema.get("items").filter(|_| enough(value, schema))) {
            return entries.iter().enumerate().for_each(|(index, entry)| self.value(entry, items, &format!("{path}[{index}]")));
        }
        let expected = self.schema.describe(schema);
        let numbers = |text: &str| [text.parse::<i64>().ok().map(Value::from), text.parse::<f64>().ok().map(Value::from)];
        let mut hints = Vec::new();
        if let Some(text) = value.as_str() {
            hints.extend(
                nearest(text, self.schema.words(schema).into_iter()).map(|near| Hint::Words(format!("did you mean \"{near}\"?"))),
            );
            if numbers(text).into_iter().flatten().any(|number| self.schema.accepts(&number, schema)) {
                hints.extend(number(text).map(|number| Hint::Number(number.clone(), number == text)));
            } else if matches!(text, "true" | "false") && self.schema.accepts(&Value::from(true), schema) {
                hints.push(Hint::Words(format!("write {text} without quotes")));
            } else if matches!(text, "True" | "False") && self.schema.accepts(&Value::from(true), schema) {
                hints.push(Hint::Words(format!("write {}", text.to_lowercase())));
            }
        } else if matches!(value, Value::Num(..) | Value::Bool(..)) && self.schema.takes_text(schema) {
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
}

/// Suggests a setting for a value given in place of a table, as in other tools.
fn in_place_of_a_table(path: &str, value: &Value) -> Option<Hint> {
    let setting = match path {
        _ if matches!(value, Value::Dict(..)) => return None,
        "model" => "checkpoint",
        "data" => "data.source",
        "schedule" => "schedule.kind",
        "evaluation" => "evaluation.every",
        "checkpoints" => "checkpoints.keep",
        "logging" => "logging.every",
        "loss" => return Some(Hint::Words("the task decides the loss; its settings are in the table [loss]".into())),
        "optimizer" => return Some(Hint::Words("the optimizer is AdamW; its settings are in the table [optimizer]".into())),
        _ => return None,
    };
    Some(Hint::Misspelt(setting.into()))
}

/// Recognizes `warmup_steps = 0.1`, which is a share of the steps in other tools.
fn steps_as_a_share(path: &str, value: &Value) -> Option<Hint> {
    let share = value.to_num().and_then(|number| float(&number)).filter(|share| *share > 0.0 && *share < 1.0)?;
    (path == "schedule.warmup_steps").then(|| Hint::Words(format!("for a share of all steps, write warmup_ratio = {share}")))
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_string() } else { format!("{prefix}.{key}") }
}
