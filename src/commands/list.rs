//! `gluepot list`.

use serde_json::json;

use super::{pretty, print, warn};
use crate::cli::List;
use crate::failure::{Failure, Outcome};
use crate::report::{Table, duration, score};
use crate::runs::{self, StoredRun};

/// Lists the runs, the oldest first.
pub fn list(arguments: &List) -> Outcome<()> {
    let (runs, unreadable) = runs::list(&arguments.runs.root).map_err(Failure::RunDirectory)?;
    if arguments.json {
        let runs: Vec<_> = runs.iter().map(|run| json!({ "path": run.path, "run": run.facts, "summary": run.summary })).collect();
        print(&pretty(&json!(runs)));
    } else if runs.is_empty() {
        print(&format!("no runs in {}; `gluepot run experiments/quickstart.toml` makes one", arguments.runs.root.display()));
    } else {
        print(&table(&runs).text());
    }
    for error in unreadable {
        warn(&format!("{error:#}"));
    }
    Ok(())
}

fn table(runs: &[StoredRun]) -> Table {
    let mut table = Table::new(&["id", "started (UTC)", "name", "task", "status", "best", "steps", "time"], &["steps"]);
    for run in runs {
        let best = run.summary.as_ref().map_or(String::new(), |summary| {
            let value = summary.best.scores.get(&summary.metric).map_or("?".into(), |value| score(*value));
            let collapsed = if summary.collapsed { " (collapsed)" } else { "" };
            format!("{} {value}{collapsed}", summary.metric)
        });
        let time = run.summary.as_ref().map_or(String::new(), |summary| duration(summary.duration_seconds));
        table.row(vec![
            run.facts.id.clone(),
            run.facts.started.format("%Y-%m-%d %H:%M").to_string(),
            run.facts.name.clone(),
            run.facts.task.clone(),
            run.status().to_string(),
            best,
            run.facts.steps.to_string(),
            time,
        ]);
    }
    table
}
