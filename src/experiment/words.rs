//! Formats values and bounds as a person would write them.

use figment::value::{Num, Value};
use serde_json::Value as Json;

/// Formats an example as a person would write it: 5e-5, not 0.00005.
pub(super) fn written(example: &Json) -> String {
    match example.as_f64() {
        Some(number) if number != 0.0 && number.abs() < 1e-3 => format!("{number:e}"),
        _ => example.to_string(),
    }
}

pub(super) fn bounds(schema: &Json) -> String {
    // Formatted from JSON, because a large whole number would lose digits as a float.
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

/// Turns the description of one value into that of several.
pub(super) fn plural(one: &str) -> String {
    let largest = format!(" and at most {}", i64::MAX);
    let one = one.strip_suffix(&largest).unwrap_or(one);
    for (singular, plural) in [("a whole number", "whole numbers"), ("a number", "numbers"), ("a table", "tables")] {
        if let Some(rest) = one.strip_prefix(singular) {
            return format!("{plural}{rest}");
        }
    }
    one.to_string()
}

pub(super) fn either(options: &[String]) -> String {
    match options {
        [] => "nothing".into(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

/// The most characters of a key or a value that a message repeats.
const LONGEST: usize = 60;

/// Truncates text for a message.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// Formats a value roughly as it was written.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("\"{}\"", short(text)),
        Value::Array(_, entries) => {
            // Avoids formatting millions of entries only to cut them off.
            let some: Vec<String> = entries.iter().take(LONGEST).map(whole_value).collect();
            short(&format!("[{}]", some.join(", ")))
        }
        other => whole_value(other),
    }
}

fn whole_value(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("\"{text}\""),
        Value::Bool(_, truth) => truth.to_string(),
        Value::Num(_, number) => match (whole(number), number.to_f64()) {
            (Some(n), _) => n.to_string(),
            (None, Some(n)) if n.is_nan() => "nan".into(),
            (None, Some(n)) => format!("{n:?}"),
            (None, None) => "a number".into(),
        },
        Value::Array(_, entries) => format!("[{}]", entries.iter().take(LONGEST).map(shown).collect::<Vec<_>>().join(", ")),
        Value::Dict(..) => "a table".into(),
        Value::Char(_, c) => format!("\"{c}\""),
        Value::Empty(..) => "nothing".into(),
    }
}

/// Formats a number as TOML requires: a digit on both sides of the point, and no leading zeros.
pub(super) fn number(text: &str) -> Option<String> {
    let value: f64 = text.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
    let (sign, digits) = text.trim().strip_prefix('-').map_or(("", text.trim()), |digits| ("-", digits));
    let digits = digits.trim_start_matches('+');
    let (mantissa, exponent) = digits.find(['e', 'E']).map_or((digits, ""), |at| digits.split_at(at));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    let zero = |text: &str| if text.is_empty() { "0".to_string() } else { text.to_string() };
    let fraction = fraction.map_or(String::new(), |fraction| format!(".{}", zero(fraction)));
    let written = format!("{sign}{}{fraction}{exponent}", zero(whole.trim_start_matches('0')));
    (written.parse() == Ok(value)).then_some(written)
}

/// Returns the value of an integer.
pub(super) fn whole(number: &Num) -> Option<f64> {
    number.to_i128().map(|n| n as f64).or_else(|| number.to_u128().map(|n| n as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers as TOML 1.0 writes them; each pair is the same number.
    #[test]
    fn numbers_are_written_as_toml_wants_them() {
        for (text, toml) in [
            (".5", "0.5"),
            ("007", "7"),
            ("-.5e-3", "-0.5e-3"),
            ("5.", "5.0"),
            ("00.5", "0.5"),
            ("0", "0"),
            ("1e5", "1e5"),
            ("+3", "3"),
        ] {
            let written = number(text).unwrap();
            assert_eq!(written, toml);
            let value: toml::Value = toml::from_str::<toml::Table>(&format!("x = {written}")).unwrap()["x"].clone();
            let value = value.as_float().or_else(|| value.as_integer().map(|n| n as f64)).unwrap();
            assert!((value - text.parse::<f64>().unwrap()).abs() < f64::EPSILON, "{text}");
        }
        assert!(["", "x", "inf", "nan", "1,5"].iter().all(|text| number(text).is_none()));
    }
}
