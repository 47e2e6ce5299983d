//! `gluepot diff`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{find_failure, pretty, print, run_json};
use crate::cli::Diff;
use crate::compare::ComparedRun;
use crate::failure::{Failure, Outcome};
use crate::report::{Column, Table, score};
use crate::runs::{self, shown};
use crate::terminal::Width;

/// Shows the settings in which two runs differ, and their scores side by side.
pub fn diff(arguments: &Diff) -> Outcome<()> {
    let read = |name: &str| {
        let run = runs::find(&arguments.runs.root, name).map_err(find_failure)?;
        ComparedRun::new(run).map_err(Failure::RunDirectory)
    };
    let (first, second) = (read(&arguments.first)?, read(&arguments.second)?);
    if arguments.format.is_json() {
        return print(&pretty(&json(&first, &second)));
    }
    let (a, b) = (first.run.facts.id.clone(), second.run.facts.id.clone());
    let width = Width::of_stdout();
    let mut settings = Table::new(vec![Column::words("setting"), Column::path(&a), Column::path(&b)]);
    let paths: BTreeSet<&String> = first.settings.keys().chain(second.settings.keys()).collect();
    let mut differing = 0;
    for path in paths.into_iter().filter(|path| first.settings.get(*path) != second.settings.get(*path)) {
        differing += 1;
        settings.row(vec![path.clone(), shown(first.settings.get(path)), shown(second.settings.get(path))]);
    }
    let mut parts = vec![if differing == 0 { "the settings are the same".to_string() } else { settings.text(width) }];
    let names: BTreeSet<&String> = [&first, &second]
        .into_iter()
        .filter_map(|run| run.run.summary.as_ref())
        .flat_map(|summary| summary.best.scores.keys())
        .collect();
    let mut scores = Table::new(vec![
        Column::words("at the best checkpoint"),
        Column::number(&a),
        Column::number(&b),
        Column::number("difference"),
    ]);
    for name in names {
        let (one, other) = (first.score(name), second.score(name));
        let text = |value: Option<f64>| value.map_or_else(|| "none".into(), score);
        let difference = one.zip(other).map_or(String::new(), |(one, other)| format!("{:+.4}", other - one));
        scores.row(vec![name.clone(), text(one), text(other), difference]);
    }
    parts.push(scores.text(width));
    if first.run.facts.hashes.data != second.run.facts.hashes.data {
        parts.push("the two runs read different data: their scores cannot be compared".into());
    }
    print(&parts.join("\n\n"))
}

/// Both runs, the settings in which they differ, and their scores at the best checkpoint.
fn json(first: &ComparedRun, second: &ComparedRun) -> Value {
    let paths: BTreeSet<&String> = first.settings.keys().chain(second.settings.keys()).collect();
    let differing = paths.into_iter().filter(|path| first.settings.get(*path) != second.settings.get(*path));
    let settings: Vec<Value> = differing
        .map(|path| json!({ "setting": path, "first": first.settings.get(path), "second": second.settings.get(path) }))
        .collect();
    let same_data = first.run.facts.hashes.data == second.run.facts.hashes.data;
    json!({ "first": run_json(&first.run), "second": run_json(&second.run), "settings": settings, "same_data": same_data })
}
