//! Values and bounds as a person writes them.

use figment::value::{Num, Value};
use serde_json::Value as Json;

/// An example as a person writes it: 5e-5, not 0.00005.
pub(super) fn written(example: &Json) -> String {
    match example.as_f64() {
        Some(number) if number != 0.0 && number.abs() < 1e-3 => format!("{number:e}"),
        _ => example.to_string(),
    }
}

pub(super) fn bounds(schema: &Json) -> String {
    // As written in the schema: a large whole number would lose digits as a float.
    let bound = |name: &str, words: &str| schema.get(name).map(|bound| format!("{words} {}", written(bound)));
    let words: Vec<String> = [
        bound("exclusiveMinimum", "above"),
        bound("minimum", "of at least"),
        bound("maximum", "at most"),
        bound("exclusiveMaximum", "below"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if words.is_empty() { String::new() } else { format!(" {}", words.join(" and ")) }
}

pub(super) fn either(options: &[String]) -> String {
    match options {
        [] => "nothing".into(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

/// A value as its writer wrote it, more or less.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("\"{text}\""),
        Value::Bool(_, truth) => truth.to_string(),
        Value::Num(_, number) => match (whole(number), number.to_f64()) {
            (Some(n), _) => n.to_string(),
            (None, Some(n)) if n.is_nan() => "nan".into(),
            (None, Some(n)) => format!("{n:?}"),
            (None, None) => "a number".into(),
        },
        Value::Array(_, entries) => format!("[{}]", entries.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Dict(..) => "a table".into(),
        Value::Char(_, c) => format!("\"{c}\""),
        Value::Empty(..) => "nothing".into(),
    }
}

/// A number without a fraction.
pub(super) fn whole(number: &Num) -> Option<f64> {
    number.to_i128().map(|n| n as f64).or_else(|| number.to_u128().map(|n| n as f64))
}
