//! `gluepot verify`.

use std::path::Path;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{pretty, print};
use crate::cli::VerifyArgs;
use crate::failure::{Failure, Outcome};
use crate::numbers::counted;
use crate::runs::{Finding, unchecked, verify as look};
use crate::sweep::{RunOrSweep, resolve, verify_sweep};

/// Prints for each item in the run directories whether it is intact.
pub fn verify(arguments: &VerifyArgs) -> Outcome<()> {
    let (mut damaged, mut reports) = (Vec::new(), Vec::new());
    for name in &arguments.which {
        let (path, checks) = match resolve(&arguments.runs.root, name)? {
            RunOrSweep::Run(run) => (run.path.clone(), look(&run.path)),
            RunOrSweep::Sweep(sweep) => (sweep.path().to_path_buf(), verify_sweep(&sweep)),
        };
        let unchecked = unchecked(&path);
        let failed = checks.iter().filter(|check| check.found.is_err()).count();
        if failed > 0 {
            let items = counted(checks.len(), "item", "items");
            let are = if failed == 1 { "is" } else { "are" };
            damaged.push(format!("{failed} of {items} in {} {are} damaged", path.display()));
        }
        if arguments.format.is_json() {
            reports.push(json(&path, &checks, &unchecked));
            continue;
        }
        if arguments.which.len() > 1 {
            print(&path.display().to_string())?;
        }
        print(&text(&checks, &unchecked))?;
    }
    if arguments.format.is_json() {
        print(&pretty(&json!(reports)))?;
    }
    if damaged.is_empty() { Ok(()) } else { Err(Failure::RunDirectory(anyhow!(damaged.join("; ")))) }
}

fn json(path: &Path, checks: &[Finding], unchecked: &[String]) -> Value {
    let check = |check: &Finding| {
        let (found, damage) = (check.found.as_ref().ok(), check.found.as_ref().err());
        json!({ "what": check.what, "intact": damage.is_none(), "found": found, "damage": damage })
    };
    let intact = checks.iter().all(|check| check.found.is_ok());
    json!({ "path": path, "intact": intact, "checks": checks.iter().map(check).collect::<Vec<_>>(), "not_checked": unchecked })
}

fn text(checks: &[Finding], unchecked: &[String]) -> String {
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    let line = |check: &Finding| match &check.found {
        Ok(found) => format!("ok       {:width$}  {found}", check.what),
        Err(wrong) => format!("DAMAGED  {:width$}  {wrong}", check.what),
    };
    let unchecked = unchecked.iter().map(|what| format!("not checked: {what}"));
    checks.iter().map(line).chain(unchecked).collect::<Vec<_>>().join("\n")
}
