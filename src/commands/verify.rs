//! `gluepot verify`.

use anyhow::anyhow;

use super::{find_failure, print};
use crate::cli::Verify;
use crate::failure::{Failure, Outcome};
use crate::runs::{Check, find, verify as look};

/// Says of everything in a run directory whether it is what the run wrote.
pub fn verify(arguments: &Verify) -> Outcome<()> {
    let run = find(&arguments.runs.root, &arguments.run).map_err(find_failure)?;
    let checks = look(&run.path);
    print(&text(&checks))?;
    let failed = checks.iter().filter(|check| check.found.is_err()).count();
    if failed == 0 {
        return Ok(());
    }
    let message = format!("{failed} of {} things in {} are not as they were written", checks.len(), run.path.display());
    Err(Failure::RunDirectory(anyhow!(message)))
}

fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    let line = |check: &Check| match &check.found {
        Ok(found) => format!("ok       {:width$}  {found}", check.what),
        Err(wrong) => format!("DAMAGED  {:width$}  {wrong}", check.what),
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
