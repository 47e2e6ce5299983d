//! `gluepot verify`.

use std::path::Path;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{find_failure, pretty, print};
use crate::cli::Verify;
use crate::failure::{Failure, Outcome};
use crate::runs::{Check, verify as look};
use crate::sweep::{Meant, meant, verify_sweep};

/// Says of everything in a run directory whether it is what the run wrote.
pub fn verify(arguments: &Verify) -> Outcome<()> {
    let (path, checks) = match meant(&arguments.runs.root, &arguments.run).map_err(find_failure)? {
        Meant::Run(run) => (run.path.clone(), look(&run.path)),
        Meant::Sweep(sweep) => (sweep.path().to_path_buf(), verify_sweep(&sweep)),
    };
    print(&if arguments.format.is_json() { pretty(&json(&path, &checks)) } else { text(&checks) })?;
    let failed = checks.iter().filter(|check| check.found.is_err()).count();
    if failed == 0 {
        return Ok(());
    }
    let message = format!("{failed} of {} items in {} are damaged", checks.len(), path.display());
    Err(Failure::RunDirectory(anyhow!(message)))
}

fn json(path: &Path, checks: &[Check]) -> Value {
    let check = |check: &Check| {
        let (found, damage) = (check.found.as_ref().ok(), check.found.as_ref().err());
        json!({ "what": check.what, "intact": damage.is_none(), "found": found, "damage": damage })
    };
    json!({ "path": path, "checks": checks.iter().map(check).collect::<Vec<_>>() })
}

fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    let line = |check: &Check| match &check.found {
        Ok(found) => format!("ok       {:width$}  {found}", check.what),
        Err(wrong) => format!("DAMAGED  {:width$}  {wrong}", check.what),
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
