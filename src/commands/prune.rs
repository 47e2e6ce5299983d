//! `gluepot prune`.

use std::io::{BufRead, IsTerminal};

use anyhow::anyhow;

use super::{complain, pretty, print};
use crate::cli::PruneArgs;
use crate::compare::select;
use crate::execute::{Prunable, prune_runs};
use crate::failure::{Failure, Outcome};
use crate::runs::StoredRun;
use crate::terminal::{Width, draws_bars};

/// Removes what finished runs no longer need, or prints what that is.
pub fn prune(arguments: &PruneArgs) -> Outcome<()> {
    let (asks, width) = (asks(arguments)?, Width::of_stdout());
    let runs: Vec<StoredRun> = select(&arguments.runs.root, &arguments.which)?.into_iter().map(|run| run.run).collect();
    if asks {
        let found = prune_runs(&runs, arguments, false)?;
        if found.is_empty() {
            return print("nothing to remove");
        }
        print(&found.text(&found.size(), width))?;
        if !is_agreed(&found)? {
            return print("nothing removed");
        }
    }
    let found = prune_runs(&runs, arguments, !arguments.dry_run)?;
    if arguments.format.is_json() {
        return print(&pretty(&found.json(arguments.dry_run)));
    }
    if found.is_empty() {
        return print("nothing to remove");
    }
    let size = found.size();
    if arguments.dry_run {
        return print(&found.text(&format!("{size} would be removed; run without --dry-run to remove them"), width));
    }
    let sentence = format!("removed {size}");
    print(&if asks { sentence } else { found.text(&sentence, width) })
}

/// Returns whether to ask for confirmation first, so that nobody prunes all runs by accident.
fn asks(arguments: &PruneArgs) -> Outcome<bool> {
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

fn is_agreed(found: &Prunable) -> Outcome<bool> {
    complain(&format!("Remove {}? [y/N]", found.counted()));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::Usage(error.into()))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
