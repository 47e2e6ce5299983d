//! Finding the checkpoint and the data of a resumed run again, even if folders have moved.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::experiment::Override;
use crate::failure::{Failure, Outcome};
use crate::machine::durable::check_folder;
use crate::plan::SettingRow;
use crate::runs::step_folder::{folder, step_of};
use crate::runs::{RunDirectory, RunFacts, files};

/// What to read in place of folders that are no longer where they were.
#[derive(Debug, Default)]
pub struct Sources {
    /// Replacement paths.
    pub overrides: Vec<Override>,
    /// Whether configuration and tokenizer come from a checkpoint that the run wrote itself. Its weights, and its
    /// configuration with the task's labels, are not those that the run began with; all weights are in the saved state.
    pub own_checkpoint: bool,
}

/// Looks for the folders of a run: where `resolved.toml` says, relative to the run directory; where they were when the run
/// began; for the checkpoint, in the run itself. What was set by hand is left alone. Hashes are checked later.
pub fn sources(directory: &RunDirectory, facts: &RunFacts, rows: &[SettingRow], set: &[Override]) -> Outcome<Sources> {
    let mut sources = Sources::default();
    let lost = |path: &str| {
        let is_set = set.iter().any(|set| set.path == path);
        let value = rows.iter().find(|row| row.path() == path)?.value.as_ref()?.as_str()?.to_string();
        let place = directory.path(&value);
        (!is_set && value.starts_with(['.', '/']) && !place.exists()).then_some(place)
    };
    if let Some(place) = lost("checkpoint") {
        if let Some(earlier) = as_it_was(facts, &facts.checkpoint) {
            sources.set("checkpoint", &earlier);
        } else if let Some(own) = own_checkpoint(directory) {
            sources.set("checkpoint", &own);
            sources.own_checkpoint = true;
        } else {
            return Err(Failure::Checkpoint(gone(facts, "checkpoint", &place)));
        }
    }
    if let Some(place) = lost("data.source") {
        let earlier = as_it_was(facts, &facts.data_source);
        let earlier = earlier.ok_or_else(|| Failure::Data(gone(facts, "data.source", &place)))?;
        sources.set("data.source", &earlier);
    }
    Ok(sources)
}

impl Sources {
    fn set(&mut self, path: &str, value: &Path) {
        let value = toml::Value::String(value.to_string_lossy().into_owned()).to_string();
        self.overrides.push(Override { path: path.into(), value, option: "--set" });
    }
}

fn as_it_was(facts: &RunFacts, named: &str) -> Option<PathBuf> {
    let place = Path::new(&facts.working_folder).join(named);
    (!named.is_empty() && place.is_absolute() && place.exists()).then_some(place)
}

/// Returns the newest intact checkpoint of the run.
fn own_checkpoint(directory: &RunDirectory) -> Option<PathBuf> {
    let root = directory.path(files::CHECKPOINTS);
    let names = std::fs::read_dir(&root).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut steps: Vec<u64> = names.filter_map(|name| step_of(&name)).collect();
    steps.sort_unstable();
    let sound = steps.into_iter().rev().map(|step| root.join(folder(step))).find(|path| check_folder(path).is_ok())?;
    // A name that begins with a dot or a slash is read as a folder.
    Some(sound.canonicalize().unwrap_or(sound))
}

fn gone(facts: &RunFacts, setting: &str, place: &Path) -> anyhow::Error {
    let (id, place) = (&facts.id, place.display());
    anyhow!("{setting} of the run {id} is no longer at {place}; name its new place: --set {setting}=FOLDER")
}
