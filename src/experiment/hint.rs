//! Hints about rejected keys and values, phrased for the place where they are written.

use serde_json::{Map, Value as Json};

use super::document::DocumentKind;
use super::other_tools::{Equivalent, equivalent, names};
use super::sweepable::{paths, pointer};
use super::words::short;
use crate::settings::{METRIC, Retired};
use crate::terminal::nearest;

/// A hint about a rejected key or value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A literal sentence.
    Words(String),
    /// The setting at this path was misspelled.
    Misspelt(String),
    /// The setting at this path, given by its name in another tool; with its possible values if they differ there.
    Renamed(String, Option<String>),
    /// The setting at this path belongs in another table.
    Misplaced(String),
    /// A quoted number, as TOML writes it, and whether it was already written that way.
    Number(String, bool),
    /// A value that must be quoted as text.
    Text,
}

impl Hint {
    /// Returns the setting that was probably meant.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Misspelt(path) | Self::Renamed(path, _) | Self::Misplaced(path) => Some(path),
            Self::Words(_) | Self::Number(..) | Self::Text => None,
        }
    }

    /// Returns the hint as a sentence about `refused`, whose value is written as `value` in a document of this kind.
    #[must_use]
    pub fn text(&self, refused: &str, kind: Option<&DocumentKind>, value: &str) -> String {
        let is_file = !matches!(kind, Some(DocumentKind::Environment(_) | DocumentKind::Argument(_)));
        let named = |path: &str| named(path, refused, kind);
        match self {
            Self::Words(words) => words.clone(),
            Self::Misspelt(path) => format!("did you mean {}?", named(path)),
            Self::Renamed(path, None) => format!("it is called {} here", named(path)),
            Self::Renamed(path, Some(values)) => format!("the setting here is {}: {values}", named(path)),
            Self::Misplaced(path) if is_file && !path.contains('.') => {
                format!("`{path}` belongs at the top of the file, above the first [table]")
            }
            Self::Misplaced(path) => format!("this setting is {}", named(path)),
            Self::Number(number, written_so) => {
                format!("write {number}{}", if is_file || *written_so { " without quotes" } else { "" })
            }
            Self::Text => match kind {
                Some(DocumentKind::Argument(option)) if option == "--set" => {
                    format!("quote it for TOML and for the shell: --set '{refused}=\"{}\"'", short(value))
                }
                Some(DocumentKind::Environment(name)) => {
                    format!("quote it for TOML and for the shell: {name}='\"{}\"'", short(value))
                }
                _ => format!("put it in quotes: \"{}\"", short(value)),
            },
        }
    }
}

/// Names a setting as it would be written at the place of `refused`.
fn named(path: &str, refused: &str, kind: Option<&DocumentKind>) -> String {
    match (kind, path.split_once('.')) {
        (Some(DocumentKind::Environment(_)), _) => format!("`GLUEPOT_{}`", path.replace('.', "_").to_uppercase()),
        (Some(DocumentKind::Argument(_)), _) | (_, None) => format!("`{}`", path.trim_start_matches("sweep.axes.")),
        (_, Some(_)) if refused.starts_with("sweep.") && !path.starts_with("sweep.") => format!("\"{path}\""),
        (_, Some(_)) => {
            let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
            let is_here = refused.strip_prefix(table).is_some_and(|rest| rest.starts_with('.') && !rest[1..].contains('.'));
            if is_here { format!("`{key}`") } else { format!("`{key}` in the table [{table}]") }
        }
    }
}

/// Returns what the unknown `key` in `table`, which has these `properties`, was probably meant to be.
#[must_use]
pub fn suggestion(key: &str, table: &str, properties: &Map<String, Json>, schema: &Json) -> Hint {
    let known = || {
        let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
        let place = if table.is_empty() { "an experiment has".to_string() } else { format!("[{table}] has") };
        Hint::Words(format!("{place} the keys {}", keys.join(", ")))
    };
    let near = |candidates: &[&str]| nearest(key, candidates.iter().copied()).map(String::from);
    let own: Vec<&str> = properties.keys().map(String::as_str).collect();
    let in_own = || near(&own).map(|near| Hint::Misspelt(if table.is_empty() { near } else { format!("{table}.{near}") }));
    let path = if table.is_empty() || table.starts_with("sweep.") { key.to_string() } else { format!("{table}.{key}") };
    if let Some(retired) = Retired::at(&path) {
        return Hint::Words(format!("this is no longer a setting: {}", retired.reason));
    }
    if let Some(hint) = swept(key, table, properties, schema) {
        return hint;
    }
    if table.starts_with("sweep.") {
        return renamed(key, schema).or_else(in_own).unwrap_or_else(known);
    }
    let dotted = || {
        let (table, key) = key.split_once('.')?;
        Some(Hint::Words(format!("write it as `{key}` in the table [{table}]")))
    };
    let everywhere = paths(schema);
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
    let misplaced = || {
        let name = key.replace('-', "_").to_lowercase();
        everywhere.iter().find(|path| last(path) == name).map(|path| Hint::Misplaced(path.clone()))
    };
    let near_anywhere = || {
        let names: Vec<String> = everywhere.iter().map(|path| last(path)).collect();
        let near = near(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        everywhere.iter().find(|path| last(path) == near).map(|path| Hint::Misspelt(path.clone()))
    };
    let near_in_other_tools = || renamed(nearest(key, names())?, schema);
    dotted()
        .or_else(|| renamed(key, schema))
        .or_else(misplaced)
        .or_else(in_own)
        .or_else(near_anywhere)
        .or_else(near_in_other_tools)
        .unwrap_or_else(known)
}

/// Returns a hint if the key is a name in another tool.
fn renamed(key: &str, schema: &Json) -> Option<Hint> {
    let is_table = |name: &str| !name.contains('.') && paths(schema).iter().all(|path| path != name);
    Some(match equivalent(key)? {
        Equivalent::Same(table) if is_table(table) => Hint::Words(format!("the table is called [{table}] here")),
        Equivalent::Same(path) => Hint::Renamed(path.into(), None),
        Equivalent::Other(path, values) => Hint::Renamed(path.into(), Some(values.into())),
        Equivalent::Switch(path, value) => Hint::Renamed(path.into(), Some(format!("\"{value}\""))),
        Equivalent::Nothing(words) => Hint::Words(words.into()),
    })
}

/// Returns a hint about an unknown key in `[sweep]` or one of its tables.
fn swept(key: &str, table: &str, properties: &Map<String, Json>, schema: &Json) -> Option<Hint> {
    if table == "sweep" && pointer(schema, key).is_some() {
        return Some(Hint::Words(format!("what varies belongs in the table [sweep.axes]: \"{key}\" = [ … ]")));
    }
    if !table.starts_with("sweep.") {
        return None;
    }
    if key == "seed" {
        return Some(Hint::Words("seeds are replicates, not an axis: write `seeds = [1, 2, 3]` in the table [sweep]".into()));
    }
    if key == METRIC {
        return Some(Hint::Words(
            "the metric can vary only together with the task: set both in [[sweep.paired]], such as task = \"cola\" and metric = \"matthews\""
                .into(),
        ));
    }
    let ends = |path: &&String| path.rsplit('.').next() == Some(key) || path.starts_with(&format!("{key}."));
    let meant = properties.keys().find(ends)?;
    Some(Hint::Words(format!("write the setting's whole path in quotes, such as \"{meant}\"")))
}
