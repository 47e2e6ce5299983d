//! Removing what runs no longer need.

use chrono::Utc;
use serde_json::{Value, json};

use crate::cli::PruneArgs;
use crate::failure::{Failure, Outcome};
use crate::machine::claim::Claim;
use crate::numbers::{bytes, counted};
use crate::report::{Column, Table};
use crate::runs::{Removable, RunDirectory, Status, StoredRun, delete, removable, remove, size};
use crate::terminal::Width;

/// What can be removed from one run.
enum Share {
    Parts(Vec<Removable>),
    Directory(u64),
}

/// What can be removed, or was removed.
#[derive(Default)]
pub struct Prunable {
    rows: Vec<Vec<String>>,
    folders: Vec<Value>,
    bytes: u64,
}

impl Prunable {
    fn add(&mut self, run: &StoredRun, what: &str, size: u64) {
        let facts = &run.facts;
        self.folders.push(json!({ "run": facts.id, "name": facts.name, "what": what, "bytes": size }));
        self.rows.push(vec![facts.id.clone(), facts.name.clone(), run.status_under_lock().to_string(), what.into(), bytes(size)]);
        self.bytes += size;
    }

    /// Returns whether there is nothing to remove.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the same as JSON.
    #[must_use]
    pub fn json(&self, dry_run: bool) -> Value {
        json!({ "dry_run": dry_run, "bytes": self.bytes, "folders": self.folders })
    }

    /// Formats the number of folders and their size: `2 folders (1.2 MB)`.
    #[must_use]
    pub fn size(&self) -> String {
        format!("{} ({})", self.counted(), bytes(self.bytes))
    }

    /// Formats the number of folders: `2 folders`.
    #[must_use]
    pub fn counted(&self) -> String {
        counted(self.rows.len(), "folder", "folders")
    }

    /// Formats a row for each folder, followed by a sentence.
    #[must_use]
    pub fn text(&self, sentence: &str, width: Width) -> String {
        let mut table = Table::new(vec![
            Column::words("run"),
            Column::path("name"),
            Column::words("status").optional(1),
            Column::path("what"),
            Column::number("size"),
        ]);
        self.rows.iter().for_each(|row| table.row(row.clone()));
        format!("{}\n\n{sentence}", table.text(width))
    }
}

/// Finds what these runs no longer need, and removes it if `removes` is set.
pub fn prune_runs(runs: &[StoredRun], arguments: &PruneArgs, removes: bool) -> Outcome<Prunable> {
    let mut found = Prunable::default();
    for run in runs {
        let Some((_lock, run, share)) = of(run, arguments)? else { continue };
        match share {
            Share::Parts(parts) => {
                if removes {
                    remove(&run, &parts).map_err(Failure::RunDirectory)?;
                }
                for part in &parts {
                    found.add(&run, &part.name, part.bytes);
                }
            }
            Share::Directory(size) => {
                if removes {
                    delete(&run).map_err(Failure::RunDirectory)?;
                }
                found.add(&run, &run.path.display().to_string(), size);
            }
        }
    }
    Ok(found)
}

/// Returns what can be removed from a run, with a lock that keeps other processes out; `None` if the run is left alone.
fn of(run: &StoredRun, arguments: &PruneArgs) -> Outcome<Option<(Claim, StoredRun, Share)>> {
    let Some(lock) = RunDirectory::at(run.path.clone()).keep_out().map_err(Failure::RunDirectory)? else {
        return Ok(None);
    };
    // Only now: before the lock was taken, another process may have resumed the run.
    let run = StoredRun::read(&run.path).map_err(Failure::RunDirectory)?;
    let age = Utc::now() - run.facts.ended.unwrap_or(run.facts.started);
    // A run may be training on another machine without a lock that is visible here.
    if run.status_under_lock() == Status::Running || arguments.older_than.is_some_and(|bound| age < bound.0) {
        return Ok(None);
    }
    let (share, size) = if arguments.delete_unfinished && !run.status_under_lock().has_ended() {
        let size = size(&run.path);
        (Share::Directory(size), size)
    } else {
        let parts = removable(&run, arguments.unfinished);
        let size = parts.iter().map(|part| part.bytes).sum();
        if parts.is_empty() {
            return Ok(None);
        }
        (Share::Parts(parts), size)
    };
    let is_small = arguments.larger_than.is_some_and(|bound| size <= bound.0);
    Ok((!is_small).then_some((lock, run, share)))
}
