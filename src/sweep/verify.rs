//! Verification of a sweep's directory: its facts, every line of its plan, and every run.

use super::directory::SweepDirectory;
use super::facts::FACTS;
use crate::runs::{Finding, files, verify};

/// Checks everything in a sweep's directory.
#[must_use]
pub fn verify_sweep(sweep: &SweepDirectory) -> Vec<Finding> {
    let mut checks = Vec::new();
    let mut look = |what: &str, found: Result<String, String>| checks.push(Finding { what: what.into(), found });
    look(FACTS, sweep.facts().map(|facts| facts.name).map_err(|error| format!("{error:#}")));
    match sweep.plan() {
        Ok(plan) => {
            let count = plan.trials.len();
            let intact = plan.damaged.is_empty() && count > 0;
            look(
                files::PLAN,
                if intact { Ok(format!("{count} trials")) } else { Err(format!("{} damaged lines", plan.damaged.len())) },
            );
            for (line, reason) in plan.damaged {
                look(&format!("{} line {line}", files::PLAN), Err(reason));
            }
        }
        Err(error) => look(files::PLAN, Err(format!("{error:#}"))),
    }
    let Ok(inventory) = sweep.inventory() else { return checks };
    for error in inventory.unreadable {
        look("a run", Err(format!("{error:#}")));
    }
    for (trial, path) in inventory.lost {
        look(&format!("the reused run of trial {trial}"), Err(format!("{} is gone", path.display())));
    }
    for run in inventory.runs {
        let damages: Vec<String> = verify(&run.path)
            .into_iter()
            .filter_map(|check| check.found.err().map(|damage| format!("{}: {damage}", check.what)))
            .collect();
        let status = run.status().to_string();
        look(&run.directory_name(), if damages.is_empty() { Ok(status) } else { Err(damages.join("; ")) });
    }
    checks
}
