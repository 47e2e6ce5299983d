//! JSON output for programs.

use serde_json::{Value, json};

use crate::compare::ComparedRun;
use crate::runs::StoredRun;
use crate::terminal;

/// Formats JSON with line breaks, escaped so that nothing in it can control a terminal.
#[must_use]
pub fn pretty_json(json: &Value) -> String {
    let json = serde_json::to_string_pretty(json).unwrap_or_default();
    terminal::escaped_json(&json).into_owned()
}

/// Returns a run as JSON: its facts, status, scores and settings.
#[must_use]
pub fn run_json(run: &StoredRun) -> Value {
    let settings = ComparedRun::new(run.clone()).map(|run| run.settings).unwrap_or_default();
    json!({ "path": run.path, "status": run.status(), "run": run.facts, "summary": run.summary, "settings": settings })
}
