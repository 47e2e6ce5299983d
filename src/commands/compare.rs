//! `gluepot compare`.

use anyhow::anyhow;
use serde_json::json;

use super::{pretty, print, print_data, warn};
use crate::cli::{CompareArgs, Format};
use crate::compare::Examples;
use crate::failure::{Failure, Outcome};
use crate::report::{Compared, disagreements_text, in_order};
use crate::terminal::Width;

/// Compares runs, grouped into variants, or two runs example by example.
pub fn compare(arguments: &CompareArgs) -> Outcome<()> {
    let format = arguments.format.format();
    if arguments.examples {
        let runs = in_order(&arguments.selection)?;
        let [first, second] = runs.as_slice() else {
            return Err(Failure::Usage(anyhow!("--examples needs two runs; {} given", runs.len())));
        };
        let examples = Examples::of(first, second).map_err(Failure::RunDirectory)?;
        let is_json = format == Format::Json;
        return print(&if is_json { pretty(&json!(examples)) } else { disagreements_text(&examples, Width::of_stdout()) });
    }
    let compared = Compared::of(&arguments.selection)?;
    if matches!(format, Format::Csv | Format::Json) {
        for sentence in compared.selected.sentences() {
            warn(&sentence);
        }
    }
    let width = Width::of_stdout();
    let text = if arguments.tasks { compared.rendered_tasks(format, width)? } else { compared.rendered(format, width)? };
    if format == Format::Csv { print_data(&text) } else { print(&text) }
}
