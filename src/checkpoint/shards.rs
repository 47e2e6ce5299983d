//! The index of sharded weights.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::machine::input_file::{InputFile, MIB};
use crate::terminal::brief;

/// The relevant part of an index; its metadata is ignored.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Maximum number of shards; no checkpoint of a supported family has more.
const MOST: usize = 1000;

/// Maximum size of an index in bytes.
const LARGEST: u64 = 64 * MIB;

/// The name of the index file for the shards of a weights file.
pub(super) fn index_of(weights: &str) -> String {
    format!("{weights}.index.json")
}

/// The file names in an index, without duplicates and sorted.
///
/// # Errors
/// The index cannot be read, lists no files, or lists something that is not a weights file next to it.
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

/// Accepts plain names only: the index is untrusted, and its entries become paths.
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
