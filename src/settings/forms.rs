//! Values that TOML writes as a word, as a number, or as text that contains a number.
//!
//! Each type lists its forms once. Serialization, deserialization, the schema and the description in error messages are
//! derived from them.

use schemars::Schema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::{Value as Json, json};

/// One way to write a value.
pub(super) enum Form<T: 'static> {
    /// A word.
    Word(&'static str, T),
    /// An alternative word for a value that has another form.
    Alias(&'static str, T),
    /// An integer of at least `least`.
    Number { least: u64, described: &'static str, read: fn(u64) -> Option<T>, number: fn(T) -> Option<u64> },
    /// An integer with text around it.
    Text { text: Around, example: &'static str, read: fn(u64) -> Option<T>, number: fn(T) -> Option<u64> },
}

/// The text around a number, and the numbers allowed there.
#[derive(Clone, Copy)]
pub(super) struct Around {
    pub before: &'static str,
    pub after: &'static str,
    /// A plural suffix: optional on reading, and written unless the number is 1.
    pub plural: &'static str,
    pub least: u64,
    pub most_digits: usize,
}

impl Around {
    fn pattern(self) -> String {
        let Self { before, after, plural, least, most_digits } = self;
        let digits = if least > 0 { format!("[1-9][0-9]{{0,{}}}", most_digits - 1) } else { format!("[0-9]{{1,{most_digits}}}") };
        let plural = if plural.is_empty() { String::new() } else { format!("{plural}?") };
        format!("^{before}{digits}{after}{plural}$")
    }

    fn read(self, text: &str) -> Option<u64> {
        let text = text.strip_prefix(self.before)?;
        let digits = text
            .strip_suffix(self.plural)
            .and_then(|text| text.strip_suffix(self.after))
            .or_else(|| text.strip_suffix(self.after))?;
        let is_number =
            !digits.is_empty() && digits.len() <= self.most_digits && digits.bytes().all(|byte| byte.is_ascii_digit());
        let has_zero = self.least > 0 && digits.starts_with('0');
        digits.parse().ok().filter(|number| is_number && !has_zero && *number >= self.least)
    }

    fn written(self, number: u64) -> String {
        let plural = if number == 1 { "" } else { self.plural };
        format!("{}{number}{}{plural}", self.before, self.after)
    }
}

/// A type whose values are written in these forms; every value has exactly one form to be written in.
pub(super) trait Written: Copy + PartialEq + 'static {
    const FORMS: &'static [Form<Self>];
}

/// Describes the possible values: `"epoch" or a number of steps`.
pub(super) fn described<T: Written>() -> String {
    let word = |form: &Form<T>| match form {
        Form::Word(word, _) | Form::Alias(word, _) => format!("\"{word}\""),
        Form::Number { described, .. } => (*described).to_string(),
        Form::Text { example, .. } => format!("\"{example}\""),
    };
    let words: Vec<String> = T::FORMS.iter().map(word).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

/// Parses text.
pub(super) fn of_text<T: Written>(text: &str) -> Option<T> {
    T::FORMS.iter().find_map(|form| match form {
        Form::Word(word, value) | Form::Alias(word, value) => (*word == text).then_some(*value),
        Form::Number { .. } => None,
        Form::Text { text: around, read, .. } => around.read(text).and_then(read),
    })
}

fn of_number<T: Written>(number: u64) -> Option<T> {
    T::FORMS.iter().find_map(|form| match form {
        Form::Number { least, read, .. } if number >= *least => read(number),
        _ => None,
    })
}

/// Returns the value as it is written in JSON and TOML.
pub(super) fn written<T: Written>(value: T) -> Json {
    let form = |form: &Form<T>| match form {
        Form::Word(word, own) => (*own == value).then(|| (*word).into()),
        Form::Alias(..) => None,
        Form::Number { number, .. } => number(value).map(Json::from),
        Form::Text { text, number, .. } => number(value).map(|number| text.written(number).into()),
    };
    T::FORMS.iter().find_map(form).unwrap_or_default()
}

pub(super) fn serialize<T: Written, S: Serializer>(value: T, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&written(value), serializer)
}

pub(super) fn deserialize<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let given = Json::deserialize(deserializer)?;
    let value = given.as_str().and_then(of_text).or_else(|| given.as_u64().and_then(of_number));
    value.ok_or_else(|| D::Error::custom(format!("{given} is not valid; expected {}", described::<T>())))
}

/// Returns the schema; its title describes the expected values.
pub(super) fn schema<T: Written>() -> Schema {
    let words: Vec<&str> = T::FORMS
        .iter()
        .filter_map(|form| match form {
            Form::Word(word, _) | Form::Alias(word, _) => Some(*word),
            Form::Number { .. } | Form::Text { .. } => None,
        })
        .collect();
    let others = T::FORMS.iter().filter_map(|form| match form {
        Form::Word(..) | Form::Alias(..) => None,
        Form::Number { least, .. } => Some(json!({ "type": "integer", "minimum": least })),
        Form::Text { text, .. } => Some(json!({ "type": "string", "pattern": text.pattern() })),
    });
    let forms: Vec<Json> = std::iter::once(json!({ "enum": words })).chain(others).collect();
    let mut schema = Schema::default();
    schema.insert("title".into(), described::<T>().into());
    schema.insert("anyOf".into(), forms.into());
    schema
}

/// Implements `Serialize`, `Deserialize` and `JsonSchema` for a type by its forms.
macro_rules! written_in_forms {
    ($type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::settings::forms::serialize(*self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::settings::forms::deserialize(deserializer)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::settings::forms::schema::<Self>()
            }
        }
    };
}

pub(super) use written_in_forms;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DeviceChoice, Interval, Kept, SaveEvery};

    /// Checks inputs and their normalized forms (`None` if invalid), and that the schema agrees.
    fn check<T: Written + std::fmt::Debug>(cases: &[(Json, Option<Json>)]) {
        let schema = schema::<T>().to_value();
        let matches = |given: &Json| {
            schema["anyOf"].as_array().unwrap().iter().any(|form| match (&form["enum"], &form["minimum"], &form["pattern"]) {
                (Json::Array(words), ..) => words.contains(given),
                (_, Json::Number(least), _) => given.as_u64().is_some_and(|n| n >= least.as_u64().unwrap()),
                (_, _, Json::String(pattern)) => {
                    given.as_str().is_some_and(|text| regex_lite::Regex::new(pattern).unwrap().is_match(text))
                }
                _ => false,
            })
        };
        for (given, expected) in cases {
            let read: Option<T> = deserialize(given.clone()).ok();
            assert_eq!(read.map(written).as_ref(), expected.as_ref(), "{given}");
            assert_eq!(matches(given), expected.is_some(), "the schema, about {given}");
        }
    }

    #[test]
    fn values_are_read_and_written_and_the_schema_agrees() {
        let same = |value: Json| (value.clone(), Some(value));
        let not = |value: Json| (value, None);
        check::<Interval>(&[
            same(json!("epoch")),
            same(json!(7)),
            not(json!(0)),
            not(json!(-1)),
            not(json!("never")),
            not(json!("7")),
        ]);
        check::<SaveEvery>(&[
            same(json!("epoch")),
            same(json!("never")),
            same(json!(1)),
            same(json!("10 minutes")),
            same(json!("1 minute")),
            (json!("1 minutes"), Some(json!("1 minute"))),
            (json!("2 minute"), Some(json!("2 minutes"))),
            not(json!("0 minutes")),
            not(json!("05 minutes")),
            not(json!("+5 minutes")),
            not(json!("5minutes")),
            not(json!("1234567890 minutes")),
            not(json!("minutes")),
            not(json!(0)),
        ]);
        check::<Kept>(&[same(json!("best")), same(json!("last")), same(json!(0)), not(json!("worst")), not(json!(-2))]);
        check::<DeviceChoice>(&[
            same(json!("auto")),
            same(json!("cpu")),
            (json!("cuda"), Some(json!("cuda:0"))),
            same(json!("cuda:0")),
            same(json!("cuda:12")),
            not(json!("cuda:")),
            not(json!("cuda:12345")),
            not(json!("cuda:-1")),
            not(json!("gpu")),
            not(json!(0)),
        ]);
    }

    #[test]
    fn what_is_expected_is_said_in_words() {
        assert_eq!(described::<Interval>(), "\"epoch\" or a number of steps");
        assert_eq!(described::<SaveEvery>(), "\"epoch\", a number of steps, \"10 minutes\" or \"never\"");
        assert_eq!(described::<DeviceChoice>(), "\"auto\", \"cpu\", \"cuda\" or \"cuda:1\"");
    }
}
