//! `gluepot prune`.

use std::io::{BufRead, IsTerminal};

use anyhow::anyhow;
use chrono::Utc;
use serde_json::{Value, json};

use super::{complain, find_failure, pretty, print};
use crate::cli::Prune;
use crate::compare::select;
use crate::failure::{Failure, Outcome};
use crate::machine::claim::Claim;
use crate::numbers::{bytes, counted};
use crate::report::{Column, Table};
use crate::runs::{Removable, RunDirectory, Status, StoredRun, delete, removable, remove, size};
use crate::terminal::{Width, draws_bars};

/// What goes of one run.
enum Share {
    Parts(Vec<Removable>),
    /// All of it.
    Directory(u64),
}

/// Removes what no finished run needs any more, or says what that is.
pub fn prune(arguments: &Prune) -> Outcome<()> {
    let asks = asks(arguments)?;
    let runs = select(&arguments.runs.root, &arguments.which).map_err(find_failure)?;
    let runs: Vec<StoredRun> = runs.into_iter().map(|run| run.run).collect();
    if asks {
        let found = go_through(&runs, arguments, false)?;
        if found.rows.is_empty() {
            return print("nothing to remove");
        }
        print(&found.text(&format!("{} ({})", found.counted(), bytes(found.bytes))))?;
        if !is_agreed(&found)? {
            return print("nothing removed");
        }
    }
    let found = go_through(&runs, arguments, !arguments.dry_run)?;
    if arguments.format.is_json() {
        return print(&pretty(&json!({ "dry_run": arguments.dry_run, "bytes": found.bytes, "folders": found.json })));
    }
    if found.rows.is_empty() {
        return print("nothing to remove");
    }
    let (folders, size) = (found.counted(), bytes(found.bytes));
    if arguments.dry_run {
        return print(&found.text(&format!("{folders} ({size}) would be removed; run without --dry-run to remove them")));
    }
    let sentence = format!("removed {folders} ({size})");
    print(&if asks { sentence } else { found.text(&sentence) })
}

/// Whether a person is asked first. Nobody removes parts of all runs by accident.
fn asks(arguments: &Prune) -> Outcome<bool> {
    let is_narrowed = !arguments.which.is_empty() || arguments.older_than.is_some() || arguments.larger_than.is_some();
    if arguments.dry_run || arguments.all || is_narrowed {
        return Ok(false);
    }
    if std::io::stdin().is_terminal() && draws_bars() && !arguments.format.is_json() {
        return Ok(true);
    }
    let root = arguments.runs.root.display();
    Err(Failure::Usage(anyhow!(
        "name the runs to prune, or use --all for all runs in {root}; --dry-run shows what would be removed"
    )))
}

fn is_agreed(found: &Found) -> Outcome<bool> {
    complain(&format!("Remove {}? [y/N]", found.counted()));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::Usage(error.into()))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[derive(Default)]
struct Found {
    rows: Vec<Vec<String>>,
    json: Vec<Value>,
    bytes: u64,
}

impl Found {
    fn add(&mut self, run: &StoredRun, what: &str, size: u64) {
        let facts = &run.facts;
        self.json.push(json!({ "run": facts.id, "name": facts.name, "what": what, "bytes": size }));
        self.rows.push(vec![facts.id.clone(), facts.name.clone(), run.status_under_lock().to_string(), what.into(), bytes(size)]);
        self.bytes += size;
    }

    fn counted(&self) -> String {
        counted(self.rows.len(), "folder", "folders")
    }

    fn text(&self, sentence: &str) -> String {
        let mut table = Table::new(vec![
            Column::words("run"),
            Column::path("name"),
            Column::words("status").optional(1),
            Column::path("what"),
            Column::number("size"),
        ]);
        self.rows.iter().for_each(|row| table.row(row.clone()));
        format!("{}\n\n{sentence}", table.text(Width::of_stdout()))
    }
}

fn go_through(runs: &[StoredRun], arguments: &Prune, removes: bool) -> Outcome<Found> {
    let mut found = Found::default();
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

/// What can go of a run, which nobody else changes meanwhile; none if it is left alone.
fn of(run: &StoredRun, arguments: &Prune) -> Outcome<Option<(Claim, StoredRun, Share)>> {
    let Some(lock) = RunDirectory::at(run.path.clone()).keep_out().map_err(Failure::RunDirectory)? else {
        return Ok(None);
    };
    // Only now: until the lock was free, another process may have resumed the run.
    let run = StoredRun::read(&run.path).map_err(Failure::RunDirectory)?;
    let age = Utc::now() - run.facts.ended.unwrap_or(run.facts.started);
    // On another machine, a run may train without a lock that shows here.
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
