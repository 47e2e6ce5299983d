//! `gluepot list`.

use super::{print, print_data, warn};
use crate::cli::{Format, ListArgs};
use crate::failure::Outcome;
use crate::report::RunList;
use crate::terminal::Width;

/// Lists sweeps and runs, the oldest first.
pub fn list(arguments: &ListArgs) -> Outcome<()> {
    let format = arguments.format.format();
    let list = RunList::of(arguments)?;
    for warning in &list.warnings {
        warn(warning);
    }
    let text = list.rendered(format, Width::of_stdout())?;
    if format == Format::Csv { print_data(&text) } else { print(&text) }
}
