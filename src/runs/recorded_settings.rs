//! The settings of a run, read from its `resolved.toml` alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value as Json;

use super::directory::{RunDirectory, files};
use crate::plan::SettingRow;
use crate::settings::{Keep, Properties, Property, properties};

/// Reads every setting of a run, with its origin.
pub fn recorded_rows(directory: &RunDirectory) -> Result<Vec<SettingRow>> {
    let path = directory.path(files::RESOLVED);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut rows = rows(&text).with_context(|| format!("{} is damaged", path.display()))?;
    complete(&mut rows, properties());
    Ok(rows)
}

/// Adds neutral values for settings that did not exist when the run was written.
pub fn complete(rows: &mut Vec<SettingRow>, properties: &Properties) {
    for (Property { table, key, path, .. }, value) in properties.neutral() {
        if rows.iter().all(|row| row.path() != *path) {
            let origin = "as before this setting existed".into();
            rows.push(SettingRow { table: table.clone(), key: key.clone(), value: Some(value.clone()), origin });
        }
    }
}

/// Which checkpoints the run keeps; `None` if it does not record that.
pub(super) fn recorded_keep(directory: &RunDirectory) -> Option<Keep> {
    let rows = recorded_rows(directory).ok()?;
    let row = rows.into_iter().find(|row| row.path() == "checkpoints.keep")?;
    serde_json::from_value(row.value?).ok()
}

fn rows(text: &str) -> Result<Vec<SettingRow>> {
    let mut values: BTreeMap<(String, String), Json> = BTreeMap::new();
    for (key, value) in toml::from_str::<toml::Table>(text)? {
        match value {
            toml::Value::Table(inner) => {
                for (inner, value) in inner {
                    values.insert((key.clone(), inner), serde_json::to_value(value)?);
                }
            }
            value => {
                values.insert((String::new(), key), serde_json::to_value(value)?);
            }
        }
    }
    let mut origins = origins(text);
    let off: Vec<(String, String)> = origins.keys().filter(|place| !values.contains_key(*place)).cloned().collect();
    let on = values.into_iter().map(|(place, value)| (place, Some(value)));
    let row = |((table, key), value): ((String, String), Option<Json>)| {
        let origin = origins.remove(&(table.clone(), key.clone())).unwrap_or_else(|| files::RESOLVED.into());
        SettingRow { table, key, value, origin }
    };
    Ok(on.chain(off.into_iter().map(|place| (place, None))).map(row).collect())
}

/// The origin comments, by table and key.
fn origins(text: &str) -> BTreeMap<(String, String), String> {
    let (mut table, mut origins) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = name.into();
        } else if let Some((key, rest)) = line.strip_prefix("# ").and_then(|line| line.split_once(": none (")) {
            origins.insert((table.clone(), key.into()), rest.strip_suffix(')').unwrap_or(rest).into());
        } else if let Some((key, origin)) = commented(line) {
            origins.insert((table.clone(), key), origin.into());
        }
    }
    origins
}

/// The key and the comment of a line; a `#` inside a string does not start a comment.
fn commented(line: &str) -> Option<(String, &str)> {
    line.match_indices("# ").find_map(|(at, _)| {
        let entry = toml::from_str::<toml::Table>(&line[..at]).ok()?;
        Some((entry.into_iter().next()?.0, &line[at + 2..]))
    })
}

/// The settings as stored in a run directory: paths of folders are made relative to it, so that both can move together. They stay
/// absolute on another file system, or if only the root directory is shared.
#[must_use]
pub fn placed(rows: &[SettingRow], directory: &Path) -> Vec<SettingRow> {
    let place = |row: &SettingRow| {
        let relative = row.value.as_ref().filter(|_| properties().is_path(&row.path())).and_then(Json::as_str);
        let relative = relative.and_then(|target| relative_to(directory, Path::new(target)));
        let value = relative.map(|path| path.to_string_lossy().into_owned().into()).or_else(|| row.value.clone());
        SettingRow { value, ..row.clone() }
    };
    rows.iter().map(place).collect()
}

/// The relative path from one folder to another; `None` if it should stay absolute.
fn relative_to(from: &Path, target: &Path) -> Option<PathBuf> {
    if !target.is_absolute() {
        return None;
    }
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let (from, target) = (from.canonicalize().ok()?, target.canonicalize().ok()?);
    if device(&from)? != device(&target)? {
        return None;
    }
    let shared = from.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    if shared < 2 {
        return None;
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(target.components().skip(shared)).collect();
    Some(if way.starts_with("..") { way } else { Path::new(".").join(way) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolved_toml;

    #[test]
    fn what_was_written_is_read_back() {
        let row = |table: &str, key: &str, value: Option<Json>, origin: &str| SettingRow {
            table: table.into(),
            key: key.into(),
            value,
            origin: origin.into(),
        };
        let mut written = vec![
            row("", "checkpoint", Some("./a # b\"c".into()), "x.toml:3"),
            row("", "epochs", None, "replaced by training.max_steps"),
            row("", "learning_rate", Some(5e-5.into()), "--set # twice"),
            row("", "seed", Some(7.into()), "default"),
            row("checkpoints", "keep", Some(serde_json::json!(["best", 2])), "default"),
            row("model", "dropout", None, "the checkpoint's config.json: hidden 0.1, attention 0, classifier 0.1"),
        ];
        let mut read = rows(&resolved_toml(&written)).unwrap();
        let by_path = |rows: &mut Vec<SettingRow>| rows.sort_by_key(SettingRow::path);
        by_path(&mut written);
        by_path(&mut read);
        assert_eq!(read, written);
    }

    #[test]
    fn folders_are_found_from_the_run() {
        let root = tempfile::tempdir().unwrap();
        let (run, bert) = (root.path().join("runs/x"), root.path().join("models/bert"));
        fs::create_dir_all(&run).unwrap();
        fs::create_dir_all(&bert).unwrap();
        assert_eq!(relative_to(&run, &bert), Some("../../models/bert".into()));
        assert_eq!(relative_to(root.path(), &bert), Some("./models/bert".into()));
        assert_eq!(relative_to(&run, Path::new("bert-base-uncased")), None);
        assert_eq!(relative_to(&run, Path::new("/proc")), None);
        assert_eq!(relative_to(&run, Path::new("/")), None);
        // The run directory may be reached through a symbolic link.
        let elsewhere = root.path().join("scratch/deep/runs");
        fs::create_dir_all(elsewhere.join("y")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, root.path().join("linked")).unwrap();
        let way = relative_to(&root.path().join("linked/y"), &bert).unwrap();
        assert!(root.path().join("linked/y").join(way).canonicalize().unwrap().ends_with("models/bert"));
    }
}
