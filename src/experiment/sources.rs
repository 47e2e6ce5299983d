//! The sources of settings: defaults, files and their bases, the environment, the command line.

use std::path::Path;

use figment::value::{Dict, Value};

use super::document::{Document, DocumentKind, from_json, nested};
use super::{Override, schema, sweepable};
use crate::experiment::problem::{Place, Problem};
use crate::settings::properties;

/// Returns the default values.
pub(super) fn defaults() -> Document {
    let properties = schema().get("properties").and_then(serde_json::Value::as_object).into_iter().flatten();
    let default = |(key, property): (&String, &serde_json::Value)| {
        let default = property.get("default").filter(|default| !default.is_null())?;
        Some((key.clone(), from_json(default)))
    };
    Document::unwritten(DocumentKind::Default, properties.filter_map(default).collect())
}

/// Returns the neutral values of settings that were added later: those that keep the earlier behavior.
pub(super) fn neutral() -> Document {
    let settings = properties().neutral().map(|(property, neutral)| (property.path.as_str(), from_json(neutral)));
    Document::unwritten(DocumentKind::Default, settings.fold(Dict::new(), |all, (path, value)| merged(all, nested(path, value))))
}

/// Merges two nested tables.
fn merged(mut all: Dict, more: Dict) -> Dict {
    for (key, value) in more {
        match (all.remove(&key), value) {
            (Some(Value::Dict(_, before)), Value::Dict(tag, value)) => {
                all.insert(key, Value::Dict(tag, merged(before, value)));
            }
            (_, value) => {
                all.insert(key, value);
            }
        }
    }
    all
}

/// Returns the experiment's default name, which is its file's name.
pub(super) fn file_name(path: &Path) -> Document {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Document::unwritten(DocumentKind::FileName, Dict::from([("name".to_string(), Value::from(stem))]))
}

/// Returns the document for a command-line option.
pub(super) fn argument(override_: &Override) -> Document {
    let shown = match override_.option {
        option @ ("--set" | "--axis") => {
            format!("{option} {}={}", override_.path.trim_start_matches("sweep.axes."), override_.value)
        }
        option => format!("{option}={}", override_.value),
    };
    Document::single(DocumentKind::Argument(override_.option.to_string()), &override_.path, &override_.value, shown)
}

/// Maps an environment variable to a setting: `GLUEPOT_DATA_BATCH_SIZE` is `data.batch_size`, as `data` is a table.
pub(super) fn variable(name: &str, value: &str, schema: &serde_json::Value) -> Document {
    let rest = name.trim_start_matches("GLUEPOT_").to_lowercase();
    let is_table = |table: &str| sweepable::definition(schema, table).is_some();
    let path = match rest.split_once('_') {
        Some((table, key)) if is_table(table) && schema.pointer(&format!("/properties/{rest}")).is_none() => {
            format!("{table}.{key}")
        }
        _ => rest,
    };
    Document::single(DocumentKind::Environment(name.to_string()), &path, value, format!("{name}={value}"))
}

/// Reads a file, then its base, and so on; appends the experiment's own file first.
pub(super) fn read_with_bases(path: &Path, named_by: Option<&Place>, files: &mut Vec<Document>, problems: &mut Vec<Problem>) {
    let problem = |message: String, help: Option<String>| Problem {
        message,
        place: named_by.cloned(),
        label: None,
        help: help.into_iter().collect(),
    };
    let same = |document: &&Document| matches!(&document.kind, DocumentKind::File(known) if is_same(known, path));
    if let Some(earlier) = files.iter().find(same) {
        problems.push(problem(
            format!("{} is based on itself", earlier.text.name),
            Some("a base may not lead back to its own file".into()),
        ));
        return;
    }
    let content = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes),
        Err(error) => {
            problems.push(problem(format!("cannot read {}: {}", path.display(), reason(&error)), None));
            return;
        }
    };
    let Ok(content) = content else {
        problems.push(problem(format!("{} is not UTF-8 text", path.display()), None));
        return;
    };
    match Document::parse(path, content) {
        Ok(document) => {
            let base = document.top_level("base").filter(|base| !base.is_empty()).map(|base| path.with_file_name("").join(base));
            let named_by = document.value("base");
            files.push(document);
            if let Some(base) = base {
                read_with_bases(&base, named_by.as_ref(), files, problems);
            }
        }
        Err(found) => problems.extend(found),
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// Returns the operating system's reason without the error number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::IsADirectory => "it is a folder".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Rejects a `base` given outside of files: by the time other sources are applied, all files have been read.
pub(super) fn base_outside_of_files(document: &Document) -> Option<Problem> {
    let is_file = matches!(document.kind, DocumentKind::File(_));
    let place = document.key("base").filter(|_| !is_file)?;
    let help = vec!["write it into an experiment file of its own: base = \"…\"".to_string()];
    Some(Problem { message: "`base` can only be set in a file".into(), place: Some(place), label: None, help })
}
