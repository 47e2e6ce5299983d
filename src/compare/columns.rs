//! The settings that distinguish variants, as a table shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::select::ComparedRun;
use crate::machine::digest::hex;
use crate::machine::relative_path;
use crate::runs::{RESUMED, TOKENIZATION};
use crate::settings::{CHECKPOINT, properties};

/// Returns the value of a run's setting that counts in comparisons: the content of the files that it names, or else the
/// setting itself.
pub(super) fn counted<'a>(run: &'a ComparedRun, path: &str) -> Option<&'a Value> {
    run.deciding.get(path).or_else(|| run.settings.get(path))
}

/// Returns the settings, among those that `is_meant` accepts, in which runs differ.
pub(super) fn differing(runs: &[&ComparedRun], is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let paths: BTreeSet<&String> = runs.iter().flat_map(|run| run.deciding.keys().chain(run.settings.keys())).collect();
    let differs = |path: &&String| runs.windows(2).any(|pair| counted(pair[0], path) != counted(pair[1], path));
    paths.into_iter().filter(|path| is_meant(path)).filter(differs).cloned().collect()
}

/// Returns the values of these settings as a table shows them, for one run of each variant.
pub(super) fn shown_values(runs: &[&ComparedRun], columns: &[String]) -> Vec<BTreeMap<String, Value>> {
    let of_run = |run: &&ComparedRun| {
        let value = |path: &String| Some((path.clone(), shown_value(run, path, runs)?));
        columns.iter().filter_map(value).collect()
    };
    runs.iter().map(of_run).collect()
}

fn shown_value(run: &ComparedRun, path: &str, others: &[&ComparedRun]) -> Option<Value> {
    if path == RESUMED {
        return Some(run.deciding.get(path).cloned().unwrap_or_else(|| "no".into()));
    }
    if path == TOKENIZATION {
        return Some(run.deciding.get(path).cloned().unwrap_or_else(|| 1.into()));
    }
    let name = named(run, path);
    if !properties().is_path(path) {
        return run.settings.get(path).cloned();
    }
    // If one name stands for several contents, hashes tell them apart.
    let alike: Vec<&Value> =
        others.iter().filter(|other| named(other, path) == name).filter_map(|run| counted(run, path)).collect();
    let own = counted(run, path)?;
    let parts: Vec<String> = own
        .as_object()?
        .iter()
        .filter(|(part, value)| alike.iter().any(|other| other.get(part) != Some(value)))
        .map(|(part, value)| format!("{part} {}", short_hash(value)))
        .collect();
    Some(if parts.is_empty() { name.into() } else { format!("{name} ({})", parts.join(", ")).into() })
}

/// Returns the name that the experiment uses for the files of a setting.
pub(super) fn named(run: &ComparedRun, path: &str) -> String {
    let written = run.settings.get(path).and_then(Value::as_str);
    match (written, path) {
        // Recorded relative to the run directory.
        (Some(name), _) if name.starts_with('.') => relative_path::read(&run.run.path, Path::new(name)).display().to_string(),
        (Some(name), _) => name.into(),
        (None, CHECKPOINT) => run.run.facts.checkpoint.clone(),
        (None, _) => String::new(),
    }
}

fn short_hash(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(hash) => hash.get(..8).unwrap_or(hash).into(),
        several => hex(&Sha256::digest(several.to_string())[..4]),
    }
}

/// Returns the names that the runs use for the same files, each once, in the order of the runs.
pub(super) fn names(runs: &[&ComparedRun], path: &str) -> Vec<String> {
    let mut names = Vec::new();
    for name in runs.iter().map(|run| named(run, path)) {
        if !names.contains(&name) && !name.is_empty() {
            names.push(name);
        }
    }
    names
}
