//! One source of settings: its values, and where each of them is written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use figment::value::{Dict, Empty, Map, Tag, Value};
use figment::{Metadata, Profile, Provider, Source};
use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::experiment::problem::{Place, Problem, SourceText};

/// The origin of a document, which determines its precedence and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// Default values.
    Default,
    /// The file name of the experiment, used as its name.
    FileName,
    /// An experiment file or one of its bases.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A value that a sweep sets for one of its trials.
    Chosen {
        /// The place in the sweep that sets it.
        origin: String,
        /// The folder that relative paths are resolved against.
        folder: PathBuf,
    },
    /// A trial of a frozen plan, with the origin of each value.
    Planned(BTreeMap<String, String>),
    /// A command-line option.
    Argument(String),
}

/// The byte ranges of a key and its value.
#[derive(Clone, Debug)]
pub struct Spans {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// The settings from one source.
#[derive(Clone, Debug)]
pub struct Document {
    /// The origin of the settings.
    pub kind: DocumentKind,
    /// The source text.
    pub text: Arc<SourceText>,
    values: Dict,
    spans: BTreeMap<String, Spans>,
}

impl Document {
    /// Parses the text of an experiment file.
    pub fn parse(path: &Path, content: String) -> Result<Self, Vec<Problem>> {
        let text = Arc::new(SourceText { name: path.display().to_string(), content });
        let (table, errors) = DeTable::parse_recoverable(&text.content);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| not_toml(error, &text)).collect());
        }
        let mut spans = BTreeMap::new();
        collect(table.get_ref(), "", &mut spans);
        let values = toml::from_str::<toml::Table>(&text.content).map_err(|error| vec![not_toml(&error, &text)])?;
        let values = values.into_iter().filter_map(|(key, value)| Some((key, figment_value(value)?))).collect();
        Ok(Self { kind: DocumentKind::File(path.to_path_buf()), text, values, spans })
    }

    /// Creates a document with a single value at a dotted path, from outside of files.
    ///
    /// The value is parsed as TOML; if that fails, it is taken as a string, so that words need no quotes.
    #[must_use]
    pub fn single(kind: DocumentKind, path: &str, value: &str, shown: String) -> Self {
        let parsed = ValueDeserializer::parse(value).ok().and_then(|de| toml::Value::deserialize(de).ok());
        let parsed = parsed.unwrap_or_else(|| toml::Value::String(value.to_string()));
        let (name, content) = match &kind {
            DocumentKind::Environment(_) => ("the environment".to_string(), shown),
            _ => ("the command line".to_string(), shown),
        };
        let value_start = content.find('=').map_or(0, |equals| equals + 1);
        let key_start = content[..value_start].rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let key = key_start..value_start.saturating_sub(1).max(key_start);
        let value = value_start..content.len();
        let mut spans = BTreeMap::new();
        for (dot, _) in path.match_indices('.') {
            spans.insert(path[..dot].to_string(), Spans { key: key.clone(), value: value.clone() });
        }
        spans.insert(path.to_string(), Spans { key, value });
        let values = nested(path, figment_value(parsed).unwrap_or_else(|| Value::from(String::new())));
        Self { kind, text: Arc::new(SourceText { name, content }), values, spans }
    }

    /// Creates a document from values without source text.
    #[must_use]
    pub fn unwritten(kind: DocumentKind, values: Dict) -> Self {
        Self { kind, text: Arc::new(SourceText { name: String::new(), content: String::new() }), values, spans: BTreeMap::new() }
    }

    /// Creates a document for the value that a sweep sets at `path`, as written at `place`.
    #[must_use]
    pub fn chosen(kind: DocumentKind, path: &str, value: &serde_json::Value, place: Option<Place>) -> Self {
        let nothing = || Arc::new(SourceText { name: String::new(), content: String::new() });
        let (text, span) = place.map_or_else(|| (nothing(), None), |place| (place.text, place.span));
        let spans = span.map(|span| (path.to_string(), Spans { key: span.clone(), value: span }));
        Self { kind, text, values: nested(path, from_json(value)), spans: spans.into_iter().collect() }
    }

    /// Creates a document with every setting of a trial: dotted path, value and origin.
    pub fn planned<'a>(settings: impl Iterator<Item = (&'a str, &'a serde_json::Value, &'a str)>) -> Self {
        let (mut values, mut origins) = (Dict::new(), BTreeMap::new());
        for (path, value, origin) in settings {
            let value = from_json(value);
            origins.insert(path.to_string(), origin.to_string());
            match path.split_once('.') {
                Some((table, key)) => {
                    let inner = values.entry(table.to_string()).or_insert_with(|| Value::from(Dict::new()));
                    if let Value::Dict(_, inner) = inner {
                        inner.insert(key.to_string(), value);
                    }
                }
                None => {
                    values.insert(path.to_string(), value);
                }
            }
        }
        Self::unwritten(DocumentKind::Planned(origins), values)
    }

    /// Removes a top-level key.
    pub(super) fn forget(&mut self, key: &str) {
        self.values.remove(key);
    }

    /// Returns the text at a top-level key.
    #[must_use]
    pub fn top_level(&self, key: &str) -> Option<&str> {
        self.values.get(key).and_then(Value::as_str)
    }

    /// Returns where a path's key is written.
    #[must_use]
    pub fn key(&self, path: &str) -> Option<Place> {
        self.spans(path).map(|spans| Place { text: Arc::clone(&self.text), span: Some(spans.key.clone()) })
    }

    /// Returns where a path's value is written.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<Place> {
        self.spans(path).map(|spans| Place { text: Arc::clone(&self.text), span: Some(spans.value.clone()) })
    }

    /// Returns the spans of a path. Outside of files, all entries of a list share the list's spans.
    fn spans(&self, path: &str) -> Option<&Spans> {
        let list = || self.spans.get(&path[..path.find('[')?]).filter(|_| !matches!(self.kind, DocumentKind::File(_)));
        self.spans.get(path).or_else(list)
    }

    /// Returns the values as a layer for figment, identified by its number.
    pub(super) fn layer(&self, number: usize) -> FigmentLayer {
        FigmentLayer { number, values: self.values.clone() }
    }
}

/// A document in the form that figment merges.
pub(super) struct FigmentLayer {
    number: usize,
    values: Dict,
}

impl Provider for FigmentLayer {
    fn metadata(&self) -> Metadata {
        Metadata::from("layer", Source::Custom(self.number.to_string()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// Returns `{ a: { b: value } }` for `a.b`. An axis of a sweep keeps its whole path as one key.
pub(super) fn nested(path: &str, value: Value) -> Dict {
    if let Some(axis) = path.strip_prefix("sweep.axes.") {
        let axes = Dict::from([(axis.to_string(), value)]);
        return Dict::from([("sweep".to_string(), Value::from(Dict::from([("axes".to_string(), Value::from(axes))])))]);
    }
    match path.split_once('.') {
        Some((table, rest)) => Dict::from([(table.to_string(), Value::from(nested(rest, value)))]),
        None => Dict::from([(path.to_string(), value)]),
    }
}

/// Converts a value to figment's type.
pub(super) fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Empty(Tag::Default, Empty::Unit),
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => Value::from(number),
            (_, Some(number), _) => Value::from(number),
            (_, _, number) => Value::from(number.unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(entries) => Value::from(entries.iter().map(from_json).collect::<Vec<_>>()),
        serde_json::Value::Object(entries) => {
            Value::from(entries.iter().map(|(key, value)| (key.clone(), from_json(value))).collect::<Dict>())
        }
    }
}

/// Converts a value to figment's type; returns `None` if that is impossible.
fn figment_value(value: toml::Value) -> Option<Value> {
    match value {
        // No setting is a date; as text, it fails the check with a message about what was expected.
        toml::Value::Datetime(date) => Some(Value::from(date.to_string())),
        other => Value::serialize(other).ok(),
    }
}

fn collect(table: &DeTable<'_>, prefix: &str, spans: &mut BTreeMap<String, Spans>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        collect_inside(value.get_ref(), &path, spans);
        spans.insert(path, Spans { key: key.span(), value: value.span() });
    }
}

/// Collects the spans inside a table or, as `path[0]`, inside a list.
fn collect_inside(value: &DeValue<'_>, path: &str, spans: &mut BTreeMap<String, Spans>) {
    match value {
        DeValue::Table(inner) => collect(inner, path, spans),
        DeValue::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                let path = format!("{path}[{index}]");
                collect_inside(entry.get_ref(), &path, spans);
                spans.insert(path, Spans { key: entry.span(), value: entry.span() });
            }
        }
        _ => {}
    }
}

fn not_toml(error: &toml::de::Error, text: &Arc<SourceText>) -> Problem {
    let mut lines = error.message().lines();
    let message = lines.next().unwrap_or("not TOML").to_string();
    let mut help: Vec<String> = lines.map(str::to_string).collect();
    if message.contains("duplicate key") {
        help.push("a key or a table may appear only once".into());
    } else {
        help.extend(error.span().and_then(|span| advice(text.content.get(span.start..)?)).map(String::from));
    }
    Problem {
        message: format!("this is not TOML: {message}"),
        place: Some(Place { text: Arc::clone(text), span: error.span() }),
        label: None,
        help,
    }
}

/// Returns what is usually meant by a typical syntax error.
fn advice(rest: &str) -> Option<&'static str> {
    let rest = rest.lines().next()?.trim_start();
    if rest.starts_with(['“', '”', '‘', '’']) {
        return Some("these are typographic quotation marks; TOML needs straight ones: \"");
    }
    if rest.starts_with("//") || rest.contains(" //") {
        return Some("a comment begins with #");
    }
    if rest.starts_with("True") || rest.starts_with("False") {
        return Some("write true or false");
    }
    if rest.starts_with('.') || rest.starts_with("-.") {
        return Some("a number needs a digit before the point: 0.5");
    }
    if rest.starts_with("00") || rest.starts_with(|c: char| c.is_ascii_digit()) && rest.starts_with('0') {
        return Some("a number has no leading zeros: 7, not 007");
    }
    rest.starts_with(char::is_alphabetic).then_some("put text in quotes: \"…\"")
}
