//! The names that the hub has used for the parquet files of a split, now and in the past.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::terminal::listed;

/// Returns the parquet files of a split in a folder, in row order: none, or all parts under one naming scheme.
///
/// # Errors
/// The folder cannot be read, a part is missing, or several naming schemes match.
pub(super) fn parquet_files(folder: &Path, split: &str) -> Result<Vec<PathBuf>> {
    let mut kinds: BTreeMap<Naming, Vec<(usize, PathBuf)>> = BTreeMap::new();
    for (name, path) in entries(folder)? {
        if let Some((kind, number)) = Naming::of(&name, split) {
            kinds.entry(kind).or_default().push((number, path));
        }
    }
    // The layout of the hub's converter: a folder for each split.
    let inner = folder.join(split);
    for (name, path) in entries(&inner)? {
        if let Some(number) = name.strip_suffix(".parquet").and_then(number) {
            kinds.entry(Naming::Folder).or_default().push((number, path));
        }
    }
    let described = || {
        let names = kinds.values().flatten().filter_map(|(_, path)| path.file_name());
        listed(&names.map(|name| name.to_string_lossy()).collect::<Vec<_>>())
    };
    let place = || format!("the {split} split in {}", folder.display());
    let Some((kind, files)) = kinds.iter().next() else { return Ok(Vec::new()) };
    ensure!(kinds.len() == 1, "{} is there more than once: {}; remove what is not meant", place(), described());
    let mut files = files.clone();
    files.sort_unstable();
    let announced = if let Naming::Parts(announced) = kind { *announced } else { files.len() };
    if files.iter().map(|(number, _)| *number).ne(0..announced) {
        bail!("{} should have {announced} parquet files, but there are {}", place(), described());
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Whether the folder, or a split's folder in it, was written by `save_to_disk` of `datasets`.
pub(super) fn is_saved_to_disk(folder: &Path, split: &str) -> bool {
    let has_arrow = |folder: &Path| {
        let names = entries(folder).unwrap_or_default();
        names.iter().any(|(name, _)| Path::new(name).extension().is_some_and(|extension| extension == "arrow"))
    };
    has_arrow(folder) || has_arrow(&folder.join(split))
}

/// The naming schemes for a split's files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Naming {
    /// `train.parquet`.
    One,
    /// `glue-train.parquet`.
    Prefixed,
    /// `train-00000-of-00002.parquet`, with this number of parts; formerly followed by a hash.
    Parts(usize),
    /// `train/0000.parquet`.
    Folder,
}

impl Naming {
    /// Returns the naming scheme of a file and the number of its part.
    fn of(name: &str, split: &str) -> Option<(Self, usize)> {
        let stem = name.strip_suffix(".parquet")?;
        if stem.strip_prefix("glue-") == Some(split) {
            return Some((Self::Prefixed, 0));
        }
        let parts = stem.strip_prefix(split)?;
        if parts.is_empty() {
            return Some((Self::One, 0));
        }
        let (part, of) = parts.strip_prefix('-')?.split_once("-of-")?;
        let (of, hash) = of.split_once('-').unwrap_or((of, "0"));
        let is_hash = hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_hash.then_some((Self::Parts(number(of)?), number(part)?))
    }
}

fn number(digits: &str) -> Option<usize> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Returns the names and paths in a folder; empty if the folder does not exist.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the data folder {}", folder.display()))?;
    Ok(entries.flatten().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the files found in a folder with these files, or `None` if they are refused.
    fn found(names: &[&str]) -> Option<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let relative = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        parquet_files(folder.path(), "train").ok().map(|paths| paths.into_iter().map(relative).collect())
    }

    #[test]
    fn each_of_the_hubs_names_is_found_in_the_order_of_rows() {
        let sets: [&[&str]; 6] = [
            &[],
            &["train.parquet"],
            &["glue-train.parquet"],
            &["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
            &["train-00000-of-00001-877f0e8fc5ba0b1c.parquet"],
            &["train/0000.parquet", "train/0001.parquet"],
        ];
        for names in sets {
            let others =
                ["validation.parquet", "validation-00000-of-00003.parquet", "train.csv", "training.parquet", "my-train.parquet"];
            let all: Vec<&str> = others.iter().chain(names.iter().rev()).copied().collect();
            assert_eq!(found(&all).unwrap(), names);
        }
    }

    #[test]
    fn missing_parts_and_splits_that_are_there_twice_are_refused() {
        let sets: [&[&str]; 6] = [
            &["train-00001-of-00002.parquet"],
            &["train-00000-of-00001.parquet", "train-00000-of-00002.parquet"],
            &["train-00000-of-00001-aa.parquet", "train-00000-of-00001-bb.parquet"],
            &["train.parquet", "train-00000-of-00001.parquet"],
            &["train.parquet", "train/0000.parquet"],
            &["train/0001.parquet"],
        ];
        for names in sets {
            assert_eq!(found(names), None, "{names:?}");
        }
    }
}
