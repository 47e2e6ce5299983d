//! `gluepot diff`.

use super::{pretty, print};
use crate::cli::DiffArgs;
use crate::compare::ComparedRun;
use crate::failure::{Failure, Outcome};
use crate::report::{diff_json, diff_text};
use crate::runs;
use crate::terminal::Width;

/// Shows the settings in which two runs differ, and their scores side by side.
pub fn diff(arguments: &DiffArgs) -> Outcome<()> {
    let read = |name: &str| {
        let run = runs::find(&arguments.runs.root, name)?;
        ComparedRun::new(run).map_err(Failure::RunDirectory)
    };
    let (first, second) = (read(&arguments.first)?, read(&arguments.second)?);
    let is_json = arguments.format.is_json();
    print(&if is_json { pretty(&diff_json(&first, &second)) } else { diff_text(&first, &second, Width::of_stdout()) })
}
