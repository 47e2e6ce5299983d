//! Finds and removes what a run no longer needs: states that it will not be resumed from, and checkpoints outside
//! `checkpoints.keep`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::Utc;

use super::directory::{RunDirectory, files};
use super::facts::Removal;
use super::manifest;
use super::recorded_settings::recorded_keep;
use super::states;
use super::step_folder::{folder, step_of};
use super::stored::StoredRun;
use crate::machine::durable::remove_folder;
use crate::settings::{Keep, Kept};

/// A folder that can be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removable {
    /// Its path relative to the run directory.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    path: PathBuf,
}

/// What can be removed from a run. From an unfinished run, only partial writes, because it can still be resumed from its states,
/// unless `unfinished` is set.
#[must_use]
pub fn removable(run: &StoredRun, unfinished: bool) -> Vec<Removable> {
    let directory = RunDirectory::at(run.path.clone());
    let is_spent = run.status().has_ended() || unfinished;
    let needed = needed(&directory);
    let mut found = Vec::new();
    for place in [files::CHECKPOINTS, files::STATES] {
        for (name, path) in folders(&directory.path(place)) {
            let is_partial = name.starts_with("step-") && name.ends_with(".partial");
            // If the run's settings do not say what to keep, keep every checkpoint.
            let is_needed =
                |step| place == files::CHECKPOINTS && needed.as_ref().is_none_or(|needed: &BTreeSet<u64>| needed.contains(&step));
            let is_free = step_of(&name).is_some_and(|step| is_spent && !is_needed(step));
            if is_partial || is_free {
                found.push(Removable { name: format!("{place}/{name}"), bytes: size(&path), path });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Removes these folders. The run's record is updated first, so that a process killed in between leaves nothing that looks
/// damaged; on a full disk, it is updated afterwards.
///
/// # Errors
/// A folder cannot be removed, or the run directory cannot be written.
pub fn remove(run: &StoredRun, what: &[Removable]) -> Result<()> {
    let directory = RunDirectory::at(run.path.clone());
    let names: Vec<String> = what.iter().map(|removable| removable.name.clone()).collect();
    let removal = Removal { at: Utc::now(), what: names.clone() };
    let mut facts = run.facts.clone();
    facts.removed.push(removal);
    let note = || manifest::replace_facts_without(&directory, &facts, &names);
    let noted = note();
    for removable in what {
        remove_folder(&removable.path).with_context(|| format!("cannot remove {}", removable.path.display()))?;
    }
    if states::all(&directory).is_empty() {
        // Fails if the folder is not empty or does not exist.
        let _ = fs::remove_dir(directory.path(files::STATES));
    }
    if noted.is_err() { note() } else { Ok(()) }
}

/// Deletes a run directory, starting with `run.json`, so that a half-deleted run is not listed.
pub fn delete(run: &StoredRun) -> Result<()> {
    let facts = run.path.join(files::RUN);
    fs::remove_file(&facts).with_context(|| format!("cannot remove {}", facts.display()))?;
    remove_folder(&run.path).with_context(|| format!("cannot remove {}", run.path.display()))
}

/// Steps of the checkpoints that `checkpoints.keep` selects; `None` if the run does not record that.
fn needed(directory: &RunDirectory) -> Option<BTreeSet<u64>> {
    let keep: Keep = recorded_keep(directory)?;
    let mut needed = BTreeSet::new();
    for (name, kept) in [("best", Kept::Best), ("last", Kept::Last)] {
        if keep.contains(kept) {
            needed.insert(pointed(directory, name)?);
        }
    }
    let steps: BTreeSet<u64> =
        folders(&directory.path(files::CHECKPOINTS)).iter().filter_map(|(name, _)| step_of(name)).collect();
    let more = usize::try_from(keep.more()).unwrap_or(usize::MAX);
    let others: Vec<u64> = steps.iter().rev().filter(|step| !needed.contains(step)).copied().take(more).collect();
    needed.extend(others);
    Some(needed)
}

fn pointed(directory: &RunDirectory, name: &str) -> Option<u64> {
    let text = fs::read_to_string(directory.path(&format!("{}/{name}", files::CHECKPOINTS))).ok()?;
    let step = step_of(text.trim())?;
    directory.path(files::CHECKPOINTS).join(folder(step)).is_dir().then_some(step)
}

fn folders(root: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let named = |entry: fs::DirEntry| Some((entry.file_name().into_string().ok()?, entry.path()));
    entries.filter(|entry| entry.path().is_dir()).filter_map(named).collect()
}

/// Total size of all files under a folder, in bytes.
#[must_use]
pub fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    entries.map(of).sum()
}
