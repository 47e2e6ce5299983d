//! `gluepot submit`.

use anyhow::anyhow;

use super::{pretty, print};
use crate::cli::SubmitArgs;
use crate::failure::{Failure, Outcome};
use crate::report::{submission_json, submission_text};
use crate::submission;
use crate::terminal::Width;

/// Says everything that is wrong with a submission to GLUE.
pub fn submit(arguments: &SubmitArgs) -> Outcome<()> {
    let report = submission::check(&arguments.check).map_err(Failure::data)?;
    let is_json = arguments.format.is_json();
    print(&if is_json { pretty(&submission_json(&report)) } else { submission_text(&report, Width::of_stdout()) })?;
    match report.problem() {
        None => Ok(()),
        Some(problem) => Err(Failure::Data(anyhow!(problem))),
    }
}
