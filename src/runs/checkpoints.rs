//! The fine-tuned checkpoints of a run, and the pointer files `best` and `last`.

use std::collections::VecDeque;
use std::fs;

use anyhow::{Context, Result};

use super::directory::{RunDirectory, files};
use super::states::KEPT;
use super::step_folder::{folder, step_of};
use crate::checkpoint::{HostTensor, Template};
use crate::machine::durable::{remove_folder, retire_folder};
use crate::settings::{Keep, Kept};

/// The checkpoints of a run on disk.
///
/// A checkpoint that is no longer kept is deleted only once no saved state refers to it, so that a run resumed from such a state
/// finds everything it recorded.
pub struct SavedCheckpoints {
    directory: RunDirectory,
    keep: Keep,
    /// Steps of the kept checkpoints, in order.
    kept: Vec<u64>,
    best: Option<u64>,
    /// Steps of the checkpoints to be removed.
    retired: Vec<u64>,
    /// The kept checkpoints that each of the newest states refers to.
    held: VecDeque<Vec<u64>>,
}

impl SavedCheckpoints {
    /// Continues with the checkpoints that the run has kept so far.
    pub fn new(directory: &RunDirectory, keep: &Keep, kept: Vec<u64>) -> Self {
        let held = VecDeque::from([kept.clone()]);
        Self { directory: directory.clone(), keep: keep.clone(), kept, best: None, retired: Vec::new(), held }
    }

    /// Steps of the kept checkpoints, in order.
    pub fn kept(&self) -> &[u64] {
        &self.kept
    }

    /// Steps of the checkpoints to be removed.
    pub fn retired(&self) -> &[u64] {
        &self.retired
    }

    /// Saves a checkpoint, updates the pointer files, and removes checkpoints that are no longer kept or referred to.
    pub fn save(&mut self, step: u64, is_best: bool, template: &Template, parameters: &[HostTensor]) -> Result<()> {
        template.write(&self.directory.path(files::CHECKPOINTS).join(folder(step)), parameters)?;
        self.kept.push(step);
        if self.keep.contains(Kept::Last) {
            self.point("last", Some(step))?;
        }
        if is_best && self.keep.contains(Kept::Best) {
            self.point("best", Some(step))?;
            self.best = Some(step);
        }
        self.retire();
        self.clean()
    }

    /// Notes that a state has been saved that refers to the checkpoints kept now.
    pub fn hold(&mut self) -> Result<()> {
        self.held.push_back(self.kept.clone());
        while self.held.len() > KEPT {
            self.held.pop_front();
        }
        self.clean()
    }

    /// Removes the checkpoints that only older states refer to.
    pub fn release(&mut self) -> Result<()> {
        self.held.clear();
        self.clean()
    }

    /// Restores the folder to what the run had kept: removes later checkpoints and resets the pointer files.
    pub fn restore(&mut self, best: Option<u64>, last: Option<u64>) -> Result<()> {
        let root = self.directory.path(files::CHECKPOINTS);
        let entries = fs::read_dir(&root).with_context(|| format!("cannot read {}", root.display()))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let step = name.to_str().and_then(step_of);
            let is_partial = name.to_str().is_some_and(|name| name.starts_with("step-") && name.ends_with(".partial"));
            if is_partial || step.is_some_and(|step| !self.kept.contains(&step)) {
                remove_folder(&entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
            }
        }
        self.best = best.filter(|_| self.keep.contains(Kept::Best));
        self.point("best", self.best)?;
        self.point("last", last.filter(|_| self.keep.contains(Kept::Last)))
    }

    /// Makes a pointer file name a step's checkpoint, or removes it.
    fn point(&self, name: &str, step: Option<u64>) -> Result<()> {
        let file = format!("{}/{name}", files::CHECKPOINTS);
        let Some(step) = step else {
            let path = self.directory.path(&file);
            return if path.exists() { fs::remove_file(&path).with_context(|| format!("cannot remove {file}")) } else { Ok(()) };
        };
        self.directory.write(&file, format!("{}\n", folder(step)).as_bytes())
    }

    fn retire(&mut self) {
        let last = self.kept.last().copied().filter(|_| self.keep.contains(Kept::Last));
        let named = |step: &u64| Some(*step) == self.best || Some(*step) == last;
        let more = usize::try_from(self.keep.more()).unwrap_or(usize::MAX);
        let others: Vec<u64> = self.kept.iter().rev().filter(|step| !named(step)).copied().skip(more).collect();
        self.kept.retain(|step| !others.contains(step));
        self.retired.extend(others);
    }

    fn clean(&mut self) -> Result<()> {
        let is_held = |step: &u64| self.held.iter().any(|held| held.contains(step));
        let (held, free): (Vec<u64>, Vec<u64>) = self.retired.iter().partition(|step| is_held(step));
        for step in free {
            let path = self.directory.path(files::CHECKPOINTS).join(folder(step));
            retire_folder(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        self.retired = held;
        Ok(())
    }
}
