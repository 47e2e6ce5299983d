//! `gluepot prune`.

use chrono::Utc;
use serde_json::json;

use super::{find_failure, pretty, print};
use crate::cli::Prune;
use crate::compare::select;
use crate::failure::{Failure, Outcome};
use crate::report::{Column, Table, bytes, counted};
use crate::runs::{Removable, RunDirectory, RunLock, StoredRun, removable, remove};
use crate::terminal::Width;

/// Removes what no finished run needs any more, or says what that is.
pub fn prune(arguments: &Prune) -> Outcome<()> {
    let runs = select(&arguments.runs.root, &arguments.which).map_err(find_failure)?;
    let mut table = Table::new(vec![
        Column::words("run"),
        Column::path("name"),
        Column::words("status").optional(1),
        Column::path("what"),
        Column::number("size"),
    ]);
    let (mut total, mut parts) = (0, Vec::new());
    for run in runs.iter().map(|run| &run.run) {
        let Some((_lock, what)) = of(run, arguments)? else { continue };
        if !arguments.dry_run {
            remove(run, &what).map_err(Failure::RunDirectory)?;
        }
        for part in &what {
            let facts = &run.facts;
            parts.push(json!({ "run": facts.id, "name": facts.name, "what": part.name, "bytes": part.bytes }));
            table.row(vec![facts.id.clone(), facts.name.clone(), run.status().to_string(), part.name.clone(), bytes(part.bytes)]);
        }
        total += what.iter().map(|part| part.bytes).sum::<u64>();
    }
    if arguments.format.is_json() {
        return print(&pretty(&json!({ "dry_run": arguments.dry_run, "bytes": total, "folders": parts })));
    }
    if parts.is_empty() {
        return print("nothing to remove");
    }
    let folders = counted(parts.len(), "folder", "folders");
    let sentence = if arguments.dry_run {
        format!("{folders} ({}) would be removed; run without --dry-run to remove them", bytes(total))
    } else {
        format!("removed {folders} ({})", bytes(total))
    };
    print(&format!("{}\n\n{sentence}", table.text(Width::of_stdout())))
}

/// What can go of a run, which nobody else changes meanwhile; none if it is left alone.
fn of(run: &StoredRun, arguments: &Prune) -> Outcome<Option<(RunLock, Vec<Removable>)>> {
    let age = Utc::now() - run.facts.ended.unwrap_or(run.facts.started);
    if arguments.older_than.is_some_and(|bound| age < bound.0) {
        return Ok(None);
    }
    let Some(lock) = RunLock::take(&RunDirectory::at(run.path.clone())).map_err(Failure::RunDirectory)? else {
        return Ok(None);
    };
    let what = removable(run, arguments.unfinished);
    let size: u64 = what.iter().map(|part| part.bytes).sum();
    let is_small = arguments.larger_than.is_some_and(|bound| size <= bound.0);
    Ok((!what.is_empty() && !is_small).then_some((lock, what)))
}
