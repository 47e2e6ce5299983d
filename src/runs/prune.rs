//! What of a run can go: states that nobody will go on from, and checkpoints other than the best.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::directory::{RunDirectory, files};
use super::states::{self, folder, step_of};
use super::stored::StoredRun;
use crate::durable::remove_folder;

/// Something that can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removable {
    /// Its path in the run directory.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    path: PathBuf,
}

/// What can go of a run. Of one that has not reached its end, only what is half written, unless `unfinished`: a run
/// goes on from its states.
#[must_use]
pub fn removable(run: &StoredRun, unfinished: bool) -> Vec<Removable> {
    let directory = RunDirectory::at(run.path.clone());
    let has_ended = run.status().has_ended();
    let best = pointed(&directory, "best");
    let mut found = Vec::new();
    for place in [files::CHECKPOINTS, files::STATES] {
        let entries = fs::read_dir(directory.path(place)).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.path().is_dir()) {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_partial = name.starts_with("step-") && name.ends_with(".partial");
            let step = step_of(&name);
            // Without a name for the best, nobody knows which of them is needed.
            let is_needed = place == files::CHECKPOINTS && (best.is_none() || step == best);
            if is_partial || (step.is_some() && !is_needed && (has_ended || unfinished)) {
                let path = entry.path();
                found.push(Removable { name: format!("{place}/{name}"), bytes: size(&path), path });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Removes what can go, and the name `last` where it would mean nothing any more.
///
/// # Errors
/// Something cannot be removed.
pub fn remove(run: &StoredRun, what: &[Removable]) -> Result<()> {
    let directory = RunDirectory::at(run.path.clone());
    for removable in what {
        remove_folder(&removable.path).with_context(|| format!("cannot remove {}", removable.path.display()))?;
    }
    if let Some(step) = pointed(&directory, "last")
        && !directory.path(files::CHECKPOINTS).join(folder(step)).exists()
    {
        let pointer = directory.path(&format!("{}/last", files::CHECKPOINTS));
        fs::remove_file(&pointer).with_context(|| format!("cannot remove {}", pointer.display()))?;
    }
    if states::all(&directory).is_empty() {
        // Empty, or already gone.
        let _ = fs::remove_dir(directory.path(files::STATES));
    }
    Ok(())
}

fn pointed(directory: &RunDirectory, name: &str) -> Option<u64> {
    let text = fs::read_to_string(directory.path(&format!("{}/{name}", files::CHECKPOINTS))).ok()?;
    step_of(text.trim())
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|file| file.len()).sum()
}
