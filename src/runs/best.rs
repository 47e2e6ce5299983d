//! The best checkpoint of a run, for experiments that start from it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::Status;
use super::directory::files;
use super::stored::find;

/// Returns the best checkpoint's folder for the run that `name` identifies, under `root`.
///
/// # Errors
/// There is no such run, it is still running, or it has no best checkpoint.
pub fn best_checkpoint(root: &Path, name: &str) -> Result<PathBuf> {
    let run = find(root, name)?;
    let id = &run.facts.id;
    ensure!(run.status() != Status::Running, "the run {id} is still running, and its best checkpoint may change");
    let pointer = run.path.join(files::CHECKPOINTS).join("best");
    let none = || {
        let status = run.status();
        format!("the run {id} ({status}) has no best checkpoint: it was not evaluated yet, or checkpoints.keep does not keep it")
    };
    let step = std::fs::read_to_string(&pointer).with_context(none)?;
    let step = step.trim();
    let is_name = !step.is_empty() && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    ensure!(is_name, "{} is damaged: it does not name a checkpoint", pointer.display());
    let folder = pointer.with_file_name(step);
    ensure!(folder.is_dir(), "{} names {step}, which does not exist", pointer.display());
    Ok(folder)
}
