//! What was found in a submission to GLUE.

use serde_json::{Value, json};

use super::{Column, Table};
use crate::numbers::count;
use crate::submission::{CheckedFile, Flaw, GlueFile, SubmissionReport};
use crate::terminal::{Width, paragraph};

const EXTRA: &str = "is not part of a submission";

/// A row for each file; then, if there are any, one for each problem.
#[must_use]
pub fn submission_text(report: &SubmissionReport, width: Width) -> String {
    let mut files = Table::new(vec![Column::words("file"), Column::number("rows"), Column::words("found")]);
    for CheckedFile { file, rows, flaws } in &report.files {
        let rows = rows.map_or(String::new(), |rows| count(rows as u64));
        let found = match flaws.len() {
            0 => "ok".into(),
            1 => "1 problem".into(),
            more => format!("{more} problems"),
        };
        files.row(vec![file.name().into(), rows, found]);
    }
    if report.problem().is_none() {
        return files.text(width);
    }
    let mut problems =
        Table::new(vec![Column::path("file"), Column::words("lines"), Column::text("problem (of the first line)")]);
    for (file, flaw) in report.files.iter().flat_map(|file| file.flaws.iter().map(move |flaw| (file, flaw))) {
        let lines = flaw.lines.as_ref().map_or(String::new(), ToString::to_string);
        problems.row(vec![file.file.name().into(), lines, flaw.kind.to_string()]);
    }
    for name in &report.extra {
        problems.row(vec![name.clone(), String::new(), EXTRA.into()]);
    }
    format!("{}\n\n{}", files.text(width), problems.text(width))
}

/// The same for programs. `lines` are the first of `count` lines with the same kind of problem.
#[must_use]
pub fn submission_json(report: &SubmissionReport) -> Value {
    let problem = |flaw: &Flaw| {
        let lines = flaw.lines.as_ref().map(|lines| &lines.first);
        json!({ "problem": flaw.kind.to_string(), "lines": lines, "count": flaw.lines.as_ref().map(|lines| lines.count) })
    };
    let file = |checked: &CheckedFile| {
        json!({
            "file": checked.file.name(),
            "rows": checked.rows,
            "expected_rows": checked.file.rows(),
            "problems": checked.flaws.iter().map(problem).collect::<Vec<_>>(),
        })
    };
    json!({
        "path": report.path,
        "valid": report.problem().is_none(),
        "files": report.files.iter().map(file).collect::<Vec<_>>(),
        "extra": report.extra,
    })
}

/// Which files of a submission no run has predicted, and what stands in them.
#[must_use]
pub fn filled_text(files: &[GlueFile], width: Width) -> String {
    let mut table = Table::new(vec![Column::words("file"), Column::number("rows"), Column::words("all of them")]);
    for file in files {
        table.row(vec![file.name().into(), count(file.rows() as u64), file.majority().into()]);
    }
    let sentence = "No run predicts these files. They hold the most frequent class of the training split or, for STS-B, its mean score: \
                    such a task scores about as much as guessing, and lowers the average over all tasks.";
    format!("{}\n\n{}", paragraph(sentence, width), table.text(width))
}
