//! Two runs side by side.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Column, Table, run_json};
use crate::compare::{ComparedRun, TaskIdentity, evaluations};
use crate::numbers::score;
use crate::plan::shown;
use crate::terminal::Width;

/// Formats the settings and files in which two runs differ, and their scores side by side.
#[must_use]
pub fn diff_text(first: &ComparedRun, second: &ComparedRun, width: Width) -> String {
    let mut parts = vec![settings(first, second, width)];
    let apart = not_comparable(first, second);
    parts.extend(scores(first, second, apart.is_none(), width));
    parts.extend(apart.map(|reason| format!("warning: the scores of the two runs cannot be compared: {reason}")));
    if TaskIdentity::of(&first.run.facts) == TaskIdentity::of(&second.run.facts) {
        parts.extend(remarks(first, second));
    }
    parts.join("\n\n")
}

/// Returns both runs, the settings and files in which they differ, and whether their scores can be compared, as JSON.
#[must_use]
pub fn diff_json(first: &ComparedRun, second: &ComparedRun) -> Value {
    let paths: BTreeSet<&String> = first.settings.keys().chain(second.settings.keys()).collect();
    let differing = paths.into_iter().filter(|path| first.settings.get(*path) != second.settings.get(*path));
    let settings: Vec<Value> = differing
        .map(|path| json!({ "setting": path, "first": first.settings.get(path), "second": second.settings.get(path) }))
        .collect();
    let (a, b) = (&first.run.facts.hashes, &second.run.facts.hashes);
    json!({
        "first": run_json(&first.run),
        "second": run_json(&second.run),
        "settings": settings,
        "same_data": a.data == b.data,
        "files": a.differences(b),
        "not_comparable": not_comparable(first, second),
        "remarks": remarks(first, second),
    })
}

/// Formats settings that differ, and files that differ under the same name.
fn settings(first: &ComparedRun, second: &ComparedRun, width: Width) -> String {
    let (a, b) = (&first.run.facts, &second.run.facts);
    let mut table = Table::new(vec![Column::words("setting"), Column::path(&a.id), Column::path(&b.id)]);
    let mut rows = Vec::new();
    let paths: BTreeSet<&String> = first.settings.keys().chain(second.settings.keys()).collect();
    for path in paths.into_iter().filter(|path| first.settings.get(*path) != second.settings.get(*path)) {
        rows.push([path.clone(), shown(first.settings.get(path)), shown(second.settings.get(path))]);
    }
    let short = |hash: Option<&String>| hash.map_or("none".into(), |hash| hash.get(..8).unwrap_or(hash).to_string());
    let mut differ = |what: String, one: Option<&String>, other: Option<&String>| {
        if one != other {
            rows.push([format!("{what} (SHA-256)"), short(one), short(other)]);
        }
    };
    differ("weights".into(), a.hashes.weights.as_ref(), b.hashes.weights.as_ref());
    differ("config.json".into(), Some(&a.hashes.config), Some(&b.hashes.config));
    for (one, other, what) in [(&a.hashes.tokenizer, &b.hashes.tokenizer, ""), (&a.hashes.data, &b.hashes.data, " data")] {
        let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for name in names {
            differ(format!("{name}{what}"), one.get(name), other.get(name));
        }
    }
    if rows.is_empty() {
        return "the settings and all files are the same".into();
    }
    for row in rows {
        table.row(row.to_vec());
    }
    table.text(width)
}

/// Formats the scores at the best checkpoints, with their differences only if those mean anything.
fn scores(first: &ComparedRun, second: &ComparedRun, comparable: bool, width: Width) -> Option<String> {
    let (a, b) = (&first.run.facts.id, &second.run.facts.id);
    let summaries = || [first, second].into_iter().filter_map(|run| run.run.summary.as_ref());
    let names: BTreeSet<&String> = summaries().flat_map(|summary| summary.best.scores.keys()).collect();
    let mut header = vec![Column::words("at the best checkpoint"), Column::number(a), Column::number(b)];
    header.extend(comparable.then(|| Column::number("difference")));
    let mut table = Table::new(header);
    for name in &names {
        let (one, other) = (first.score(name), second.score(name));
        let text = |value: Option<f64>| value.map_or_else(|| "none".into(), score);
        let difference = one.zip(other).map_or(String::new(), |(one, other)| format!("{:+.4}", other - one));
        table.row([(*name).clone(), text(one), text(other)].into_iter().chain(comparable.then_some(difference)).collect());
    }
    (!names.is_empty()).then(|| table.text(width))
}

/// Returns why the scores of two runs cannot be compared, if they cannot.
fn not_comparable(first: &ComparedRun, second: &ComparedRun) -> Option<String> {
    let (a, b) = (&first.run.facts, &second.run.facts);
    if let Some(difference) = TaskIdentity::of(a).difference(&TaskIdentity::of(b)) {
        Some(format!("they learned {difference}"))
    } else if a.hashes.data.get("validation") != b.hashes.data.get("validation") {
        Some("their validation files differ".into())
    } else {
        let differ = a.validation_examples != b.validation_examples;
        let (n, m) = (a.validation_examples, b.validation_examples);
        differ.then(|| format!("they were scored on {n} and {m} validation examples"))
    }
}

/// Returns what, besides the settings, may explain differences in the scores.
fn remarks(first: &ComparedRun, second: &ComparedRun) -> Vec<String> {
    let mut remarks = Vec::new();
    if first.run.facts.hashes.data.get("train") != second.run.facts.hashes.data.get("train") {
        remarks.push("the two runs were trained on different data".to_string());
    }
    let shares = |run: &ComparedRun| {
        let steps = run.run.summary.as_ref()?.steps as f64;
        Some(evaluations(run)?.into_keys().map(|step| step as f64 / steps).collect::<Vec<f64>>())
    };
    if let (Some(one), Some(other)) = (shares(first), shares(second))
        && one != other
    {
        let last = |run: &ComparedRun| {
            let summary = run.run.summary.as_ref()?;
            Some((summary.metric.clone(), summary.last.scores.get(&summary.metric).copied()?))
        };
        let ends = last(first).zip(last(second)).filter(|((a, _), (b, _))| a == b);
        let ends = ends.map_or(String::new(), |((metric, one), (_, other))| {
            format!("; at the last evaluation {metric} is {} and {} ({:+.4})", score(one), score(other), other - one)
        });
        remarks.push(format!(
            "the two runs were evaluated {} and {} times, and the best of more evaluations is higher by chance alone{ends}",
            one.len(),
            other.len()
        ));
    }
    remarks
}
