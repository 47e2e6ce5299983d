//! The index of weights that come in several files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::machine::input_file::{InputFile, MIB};
use crate::terminal::brief;

/// What is read of an index; its metadata decides nothing.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// More files than any checkpoint of this kind comes in.
const MOST: usize = 1000;

/// Bytes that an index may have.
const LARGEST: u64 = 64 * MIB;

/// The name of the index that stands beside the shards of a weights file.
pub(super) fn index_of(weights: &str) -> String {
    format!("{weights}.index.json")
}

/// The files that an index names, each once, in the order of their names.
///
/// # Errors
/// The index cannot be read, names no file, or names something that is not a weights file beside it.
pub(super) fn named_by(index: &Path) -> Result<Vec<String>> {
    let read = || -> Result<Vec<String>> {
        let content = InputFile::read(index, LARGEST)?;
        let index: Index = serde_json::from_slice(content.bytes()).context("not an index of weights")?;
        let names: BTreeSet<String> = index.weight_map.into_values().collect();
        ensure!(!names.is_empty(), "no weights in it");
        ensure!(names.len() <= MOST, "{} files in it", names.len());
        if let Some(name) = names.iter().find(|name| !is_weights_file(name)) {
            bail!("{:?} in it is not the name of a weights file beside it", brief(name));
        }
        Ok(names.into_iter().collect())
    };
    read().with_context(|| format!("cannot use {}", index.display()))
}

/// Only a plain name: the index may come from anybody, and its words become paths.
fn is_weights_file(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let ending = Path::new(name).extension().is_some_and(|ending| ending == "safetensors" || ending == "bin");
    ending && name.len() <= 255 && !name.starts_with('.') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors.index.json");
        std::fs::write(&path, text).unwrap();
        named_by(&path)
    }

    #[test]
    fn each_shard_is_named_once() {
        let text = r#"{"metadata": {"total_size": 1}, "weight_map": {"b": "model-00002-of-00002.safetensors",
            "a": "model-00001-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}"#;
        assert_eq!(of(text).unwrap(), ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["../a.safetensors", "/etc/a.bin", "a/b.bin", "..", "", ".bin", "a.txt", "a\\\\b.bin", "a\\u0000.bin"] {
            assert!(of(&format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#)).is_err(), "{name}");
        }
        assert!(of("{}").is_err() && of(r#"{"weight_map": {}}"#).is_err() && of("[").is_err());
    }
}
