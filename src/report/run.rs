//! One run, as `gluepot show` prints it.

use std::collections::BTreeMap;

use super::{Column, Table, confusion_text, curve, remarks};
use crate::numbers::{count, duration, rate, score};
use crate::runs::{Evaluations, RunDirectory, Status, StoredRun, device_text, files, states};
use crate::task::VALIDATION;
use crate::terminal::Width;

/// Width of the learning curve in columns.
const WIDTH: usize = 64;

/// Formats a run for a person: status, evaluations, learning curve and settings. `resume` is the command that continues it.
#[must_use]
pub fn run_text(run: &StoredRun, resume: &str, width: Width) -> String {
    let facts = &run.facts;
    let mut parts = vec![heading(run)];
    if let Some(message) = facts.exit.as_ref().and_then(|exit| exit.message.as_ref()) {
        parts.push(message.clone());
    }
    parts.extend(ended_early(run, resume));
    parts.extend(evaluations(run, width));
    let losses = column(run, files::TRAIN, "loss");
    let drawn = curve(&losses, WIDTH);
    if !drawn.is_empty() {
        parts.push(format!("training loss, {} steps\n{}", count(facts.steps), drawn.join("\n")));
    }
    let settings = std::fs::read_to_string(run.path.join(files::RESOLVED)).unwrap_or_default();
    let written: Vec<&str> = settings.lines().filter(|line| !line.starts_with('#') && !line.ends_with("# default")).collect();
    parts.push(format!("settings ({} has the defaults too)\n{}", files::RESOLVED, sections(&written)));
    parts.join("\n\n")
}

/// Formats the last log message of a run whose process died, and how to continue the run.
fn ended_early(run: &StoredRun, resume: &str) -> Option<String> {
    let status = run.status();
    let words = run
        .last_words()
        .filter(|_| status == Status::Died)
        .map(|words| format!("its process is gone; the last it said: {words}"));
    let can_go_on = status.can_resume();
    let has_state = !states::all(&RunDirectory::at(run.path.clone())).is_empty();
    let next = (can_go_on && has_state).then(|| format!("continue with: {resume}"));
    let lines: Vec<String> = words.into_iter().chain(next).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn heading(run: &StoredRun) -> String {
    let facts = &run.facts;
    let device = device_text(&facts.device, facts.gpu.as_deref());
    let mut lines = vec![
        format!("{}  {}", facts.name, run.path.display()),
        format!("{} on {}, {device}, {} parameters", facts.task, facts.checkpoint, count(facts.parameters as u64)),
    ];
    let time = match (&run.summary, facts.ended) {
        (Some(summary), _) => format!(
            " in {}, {} examples/s, {} tokens/s",
            duration(summary.duration_seconds),
            rate(summary.examples_per_second),
            rate(summary.tokens_per_second)
        ),
        (None, Some(ended)) => format!(" after {}", duration((ended - facts.started).as_seconds_f64())),
        (None, None) => format!(" since {} UTC", facts.started.format("%Y-%m-%d %H:%M")),
    };
    lines.push(format!("{}{time}", run.status()));
    lines.join("\n")
}

/// Formats the rows of eval.csv, with the best one marked.
fn evaluations(run: &StoredRun, width: Width) -> Option<String> {
    let evaluations = Evaluations::read(&run.path).ok().filter(|evaluations| !evaluations.rows.is_empty())?;
    let names = ["step", "epoch"].into_iter().chain(evaluations.metrics.iter().map(String::as_str));
    let best = run.summary.as_ref().map(|summary| summary.best.step);
    let mut lines = Vec::new();
    for split in [VALIDATION].into_iter().chain(evaluations.further()) {
        let mut table = Table::new(names.clone().map(Column::number).chain([Column::words("")]).collect());
        for row in evaluations.of(split) {
            let mut cells = vec![row.step.to_string(), format!("{:.2}", row.epoch)];
            cells
                .extend(evaluations.metrics.iter().map(|name| row.scores.get(name).map_or(String::new(), |value| score(*value))));
            cells.push(if Some(row.step) == best { "best".into() } else { String::new() });
            table.row(cells);
        }
        lines.extend([split.to_string(), table.text(width)]);
    }
    let judged = run.summary.as_ref().zip(run.facts.task_definition.as_ref());
    lines.extend(judged.into_iter().flat_map(|(summary, task)| remarks(summary, task)));
    let confusion = run.summary.as_ref().and_then(|summary| summary.confusion.as_ref());
    lines.extend(confusion.map(|matrix| confusion_text(matrix, width)));
    Some(lines.join("\n"))
}

/// Reads the numbers in a column of a CSV file.
fn column(run: &StoredRun, file: &str, name: &str) -> Vec<f64> {
    let Ok(mut reader) = csv::Reader::from_path(run.path.join(file)) else { return Vec::new() };
    let rows = reader.deserialize::<BTreeMap<String, f64>>();
    rows.flatten().filter_map(|row| row.get(name).copied()).collect()
}

/// Joins the lines, without tables that have no keys left.
fn sections(lines: &[&str]) -> String {
    let is_table = |line: &str| line.starts_with('[');
    let mut kept: Vec<&str> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let next = lines[index + 1..].iter().find(|line| !line.is_empty());
        let is_empty_table = is_table(line) && next.is_none_or(|next| is_table(next));
        if !line.is_empty() && !is_empty_table {
            kept.push(line);
        }
    }
    kept.join("\n")
}
