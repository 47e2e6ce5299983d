//! `gluepot list`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{pretty, print, run_json, warn};
use crate::cli::List;
use crate::compare::ComparedRun;
use crate::failure::{Failure, Outcome};
use crate::report::{Column, Table, duration, score};
use crate::runs::{self, StoredRun, shown};
use crate::terminal::Width;

/// Lists the runs, the oldest first.
pub fn list(arguments: &List) -> Outcome<()> {
    let (runs, unreadable) = runs::list(&arguments.runs.root).map_err(Failure::RunDirectory)?;
    if arguments.format.is_json() {
        print(&pretty(&json!(runs.iter().map(run_json).collect::<Vec<_>>())))?;
    } else if runs.is_empty() {
        print(&format!("no runs in {}; `gluepot run experiments/quickstart.toml` makes one", arguments.runs.root.display()))?;
    } else {
        print(&table(&runs).text(Width::of_stdout()))?;
    }
    for error in unreadable {
        warn(&format!("{error:#}"));
    }
    Ok(())
}

fn table(runs: &[StoredRun]) -> Table {
    let mut table = Table::new(vec![
        Column::words("id"),
        Column::words("started (UTC)").optional(1),
        Column::path("name"),
        Column::words("task").optional(2),
        Column::words("status"),
        Column::words("best"),
        Column::number("steps").optional(3),
        Column::words("time").optional(4),
        Column::text("differs in"),
    ]);
    for (run, differs) in runs.iter().zip(differences(runs)) {
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
            if run.summary.is_some() {
                run.steps_taken().to_string()
            } else {
                format!("{}/{}", run.steps_taken(), run.facts.steps)
            },
            time,
            differs,
        ]);
    }
    table
}

/// For each run, the settings in which it differs from others of its name.
fn differences(runs: &[StoredRun]) -> Vec<String> {
    let settings: Vec<BTreeMap<String, Value>> =
        runs.iter().map(|run| ComparedRun::new(run.clone()).map(|run| run.settings).unwrap_or_default()).collect();
    let mut values: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    let paths: BTreeSet<&String> = settings.iter().flat_map(BTreeMap::keys).collect();
    for (run, settings) in runs.iter().zip(&settings).filter(|(_, settings)| !settings.is_empty()) {
        for path in &paths {
            values.entry((&run.facts.name, path.as_str())).or_default().insert(shown(settings.get(*path)));
        }
    }
    let of_run = |(run, settings): (&StoredRun, &BTreeMap<String, Value>)| {
        let differing = paths
            .iter()
            .filter(|path| values.get(&(run.facts.name.as_str(), path.as_str())).is_some_and(|values| values.len() > 1));
        let words: Vec<String> = differing.map(|path| format!("{path} {}", shown(settings.get(*path)))).collect();
        words.join(", ")
    };
    runs.iter().zip(&settings).map(of_run).collect()
}
