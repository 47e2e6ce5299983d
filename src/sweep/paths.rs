//! Paths of a sweep that may have moved since they were written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::plan::PlannedTrial;
use crate::machine::relative_path;
use crate::plan::SettingRow;
use crate::runs::StoredRun;
use crate::settings::properties;

/// Returns a trial as written in the plan: with paths relative to the sweep's directory if possible, and their current
/// absolute paths beside them.
#[must_use]
pub fn with_relative_paths(trial: &PlannedTrial, sweep: &Path) -> PlannedTrial {
    let mut absolute = BTreeMap::new();
    let row = |row: &SettingRow| {
        let Some(path) = folder_of(row).filter(|path| path.is_absolute()) else { return row.clone() };
        let written = relative_path::written(sweep, path);
        if written.is_relative() {
            absolute.insert(row.path(), path.to_string_lossy().into_owned());
        }
        with_path(row, &written)
    };
    let settings = trial.settings.iter().map(row).collect();
    PlannedTrial { settings, absolute, ..trial.clone() }
}

/// Returns the trial of a line with current paths: as seen from the sweep's directory, unless only the recorded absolute
/// path exists.
#[must_use]
pub fn with_current_paths(trial: &PlannedTrial, sweep: &Path) -> PlannedTrial {
    let row = |row: &SettingRow| {
        let before = trial.absolute.get(&row.path()).map(PathBuf::from);
        let Some((path, before)) = folder_of(row).zip(before) else { return row.clone() };
        let now = relative_path::read(sweep, path);
        with_path(row, if now.exists() || !before.exists() { &now } else { &before })
    };
    let settings = trial.settings.iter().map(row).collect();
    PlannedTrial { settings, absolute: BTreeMap::new(), ..trial.clone() }
}

/// Returns the value of a setting as a path, if the setting may name a folder.
fn folder_of(row: &SettingRow) -> Option<&Path> {
    row.value.as_ref().and_then(Json::as_str).map(Path::new).filter(|_| properties().is_path(&row.path()))
}

fn with_path(row: &SettingRow, path: &Path) -> SettingRow {
    SettingRow { value: Some(path.to_string_lossy().into_owned().into()), ..row.clone() }
}

/// Returns the finished run that is reused for a trial: where its path leads or, if the folder of all runs was moved after
/// the path was written, at its new place in that folder.
#[must_use]
pub fn reused_run(sweep: &Path, path: &Path, trial: &str) -> Option<StoredRun> {
    let root = sweep.canonicalize().ok()?.parent()?.to_path_buf();
    let name = path.file_name()?;
    let in_sweep = path.parent().and_then(Path::file_name).map(|parent| root.join(parent).join(name));
    let places = [Some(relative_path::read(sweep, path)), Some(root.join(name)), in_sweep];
    let runs = places.into_iter().flatten().filter_map(|path| StoredRun::read(&path).ok());
    runs.into_iter().find(|run| run.facts.trial == trial && run.summary.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::Workload;
    use serde_json::json;

    fn trial(checkpoint: &Path, source: &str) -> PlannedTrial {
        let row = |table: &str, key: &str, value: Json| SettingRow {
            table: table.into(),
            key: key.into(),
            value: Some(value),
            origin: "x.toml".into(),
        };
        PlannedTrial {
            id: "a1".into(),
            numerics: 1,
            first_id: None,
            variant: 1,
            choices: BTreeMap::new(),
            seed: 1,
            steps: 1,
            work: Workload { learnt: 1, scored: 1 },
            rungs: Vec::new(),
            decides: false,
            settings: vec![row("", "checkpoint", json!(checkpoint)), row("data", "source", json!(source))],
            absolute: BTreeMap::new(),
        }
    }

    #[test]
    fn a_trial_finds_its_checkpoint_in_a_moved_project_and_beside_a_moved_sweep() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["a/runs/x", "a/bert"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let original = trial(&root.join("a/bert"), "hub");
        let line = with_relative_paths(&original, &root.join("a/runs/x"));
        assert_eq!(line.setting("checkpoint"), Some(&json!("../../bert")));
        assert_eq!(line.setting("data.source"), Some(&json!("hub")));
        assert_eq!(with_current_paths(&line, &root.join("a/runs/x")), original);
        // Only the sweep's directory is moved.
        std::fs::rename(root.join("a/runs/x"), root.join("x")).unwrap();
        assert_eq!(with_current_paths(&line, &root.join("x")), original);
        // The whole project is moved.
        std::fs::create_dir_all(root.join("a/runs")).unwrap();
        std::fs::rename(root.join("x"), root.join("a/runs/x")).unwrap();
        std::fs::rename(root.join("a"), root.join("b")).unwrap();
        assert_eq!(with_current_paths(&line, &root.join("b/runs/x")), trial(&root.join("b/bert"), "hub"));
    }

    #[test]
    fn paths_of_earlier_versions_stay_as_they_are() {
        let old = trial(Path::new("/models/bert"), "hub");
        assert_eq!(with_current_paths(&old, Path::new("/tmp")), old);
    }
}
