//! What programs read.

use serde_json::{Value, json};

use crate::compare::ComparedRun;
use crate::runs::StoredRun;
use crate::terminal;

/// JSON with line breaks, in which nothing can command a terminal.
#[must_use]
pub fn pretty_json(json: &Value) -> String {
    let json = serde_json::to_string_pretty(json).unwrap_or_default();
    terminal::escaped_json(&json).into_owned()
}

/// A run: what it is, how it stands, its scores and its settings.
#[must_use]
pub fn run_json(run: &StoredRun) -> Value {
    let settings = ComparedRun::new(run.clone()).map(|run| run.settings).unwrap_or_default();
    json!({ "path": run.path, "status": run.status(), "run": run.facts, "summary": run.summary, "settings": settings })
}
