//! A table over tasks, as papers print it: for terminals, Markdown, LaTeX and spreadsheets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::comparison::method;
use super::latex::{LatexTable, latex_comment};
use super::{Column, Table};
use crate::compare::{MatrixRow, TaskColumn, TaskMatrix, task_conclusions};
use crate::numbers::{counted, score};
use crate::plan::shown;
use crate::task::metrics::Direction;
use crate::terminal::{Width, paragraph};

const MEAN: &str = "mean of tasks";

/// A table over tasks as cells.
#[derive(Clone, Debug)]
pub struct TaskGrid {
    /// Names of the columns: settings, the number of seeds, the tasks, and their mean.
    pub header: Vec<String>,
    /// Which columns hold numbers, and are right-aligned.
    pub numbers: Vec<bool>,
    /// One row per variant.
    pub rows: Vec<Vec<String>>,
    /// The best cells of each task and of the mean, as row and column, if there is more than one row.
    pub best: BTreeSet<(usize, usize)>,
}

/// Returns the cells of a table over tasks. There is no column of means if they mean nothing.
#[must_use]
pub fn task_grid(matrix: &TaskMatrix) -> TaskGrid {
    let mean = matrix.direction.map(|_| MEAN.to_string());
    let tasks = matrix.tasks.iter().map(|task| format!("{} {}", task.task, task.metric));
    let before = matrix.columns.len() + 1;
    let header: Vec<String> = matrix.columns.iter().cloned().chain(["n".into()]).chain(tasks).chain(mean.clone()).collect();
    let row = |row: &MatrixRow| -> Vec<String> {
        let settings = matrix.columns.iter().map(|column| shown(row.settings.get(column)));
        let tasks = matrix.tasks.iter().map(|task| cell(row, task));
        let mean = mean.as_ref().map(|_| row.mean.map_or(String::new(), score));
        settings.chain([seeds(row)]).chain(tasks).chain(mean).collect()
    };
    let mut best = BTreeSet::new();
    for (index, task) in matrix.tasks.iter().enumerate() {
        let means = matrix.rows.iter().map(|row| Some(row.scores.get(&task.task)?.mean));
        best.extend(leaders(&means.collect::<Vec<_>>(), task.direction).map(|row| (row, before + index)));
    }
    if let Some(direction) = matrix.direction {
        let means: Vec<Option<f64>> = matrix.rows.iter().map(|row| row.mean).collect();
        best.extend(leaders(&means, direction).map(|row| (row, before + matrix.tasks.len())));
    }
    TaskGrid {
        numbers: (0..header.len()).map(|column| column >= matrix.columns.len()).collect(),
        header,
        rows: matrix.rows.iter().map(row).collect(),
        best: if matrix.rows.len() > 1 { best } else { BTreeSet::new() },
    }
}

/// Returns the indices of the best value, several if they are equal.
fn leaders(values: &[Option<f64>], direction: Direction) -> impl Iterator<Item = usize> {
    let known = values.iter().flatten().copied();
    let best = known.reduce(|best, next| if direction.improves(next, best) { next } else { best });
    values.iter().enumerate().filter(move |(_, value)| value.is_some() && **value == best).map(|(index, _)| index)
}

fn cell(row: &MatrixRow, task: &TaskColumn) -> String {
    row.scores.get(&task.task).map_or(String::new(), |described| match described.sd {
        Some(sd) => format!("{} ± {}", score(described.mean), score(sd)),
        None => score(described.mean),
    })
}

/// Formats the number of seeds of each task: `3`, or `2 – 3`.
fn seeds(row: &MatrixRow) -> String {
    match row.seed_counts() {
        None => String::new(),
        Some((low, high)) if low == high => low.to_string(),
        Some((low, high)) => format!("{low} – {high}"),
    }
}

fn title(matrix: &TaskMatrix) -> String {
    format!("{}, mean ± sd over seeds", counted(matrix.tasks.len(), "task", "tasks"))
}

/// Formats the table for a terminal, followed by the conclusions.
#[must_use]
pub fn matrix_text(matrix: &TaskMatrix, width: Width) -> String {
    let grid = task_grid(matrix);
    let column = |(name, is_number): (&String, &bool)| if *is_number { Column::number(name) } else { Column::path(name) };
    let mut table = Table::new(grid.header.iter().zip(&grid.numbers).map(column).collect());
    for row in grid.rows {
        table.row(row);
    }
    let sentences = task_conclusions(matrix);
    let conclusions = (!sentences.is_empty()).then(|| paragraph(&sentences.join("\n"), width));
    [title(matrix), table.text(width)].into_iter().chain(conclusions).collect::<Vec<_>>().join("\n\n")
}

/// Formats the table in Markdown, with the best score of each task in bold.
#[must_use]
pub fn matrix_markdown(matrix: &TaskMatrix) -> String {
    let TaskGrid { header, numbers, rows, best } = task_grid(matrix);
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let escaped = |cell: &String| cell.replace('|', "\\|");
    let rules = numbers.iter().map(|number| if *number { "---:" } else { "---" }.to_string()).collect();
    let mut lines = vec![title(matrix), String::new(), row(header.iter().map(escaped).collect()), row(rules)];
    for (index, cells) in rows.iter().enumerate() {
        let bold = |(column, cell): (usize, &String)| {
            if best.contains(&(index, column)) { format!("**{}**", escaped(cell)) } else { escaped(cell) }
        };
        lines.push(row(cells.iter().enumerate().map(bold).collect()));
    }
    let sentences = task_conclusions(matrix);
    if !sentences.is_empty() {
        lines.extend([String::new(), sentences.join("\n")]);
    }
    lines.join("\n")
}

/// The table in LaTeX, with the best score of each task in bold; title and conclusions are comments.
#[must_use]
pub fn matrix_latex(matrix: &TaskMatrix) -> String {
    let TaskGrid { header, numbers, rows, best } = task_grid(matrix);
    let table = LatexTable {
        header: header.iter().map(String::as_str).collect(),
        rows: rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect(),
        numbers,
        bold: &|row, column| best.contains(&(row, column)),
    };
    let packages = "The rules need \\usepackage{booktabs}.";
    let mut parts = vec![latex_comment(&format!("{}\n{packages}", title(matrix))), table.tabular()];
    parts.extend(task_conclusions(matrix).iter().map(|sentence| latex_comment(sentence)));
    parts.join("\n")
}

/// Formats the table as CSV, one row per variant, with every number in full.
pub fn matrix_csv(matrix: &TaskMatrix) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let of_task = |task: &TaskColumn| ["n", "mean", "sd"].map(|what| format!("{}_{}_{what}", task.task, task.metric));
    let last =
        ["mean_of_tasks", "reference", "difference", "difference_low", "difference_high", "p", "adjusted_p", "method", "missing"];
    let tasks = matrix.tasks.iter().flat_map(of_task);
    writer.write_record(matrix.columns.iter().cloned().chain(tasks).chain(last.map(String::from)))?;
    for (index, row) in matrix.rows.iter().enumerate() {
        writer.write_record(full_row(matrix, row, index == matrix.reference))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?.trim_end().to_string())
}

fn full_row(matrix: &TaskMatrix, row: &MatrixRow, is_reference: bool) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let setting = |column: &String| row.settings.get(column).map_or(String::new(), |value| shown(Some(value)));
    let of_task = |task: &TaskColumn| {
        let score = row.scores.get(&task.task);
        let count = score.map_or(0, |score| score.n).to_string();
        [count, number(score.map(|score| score.mean)), number(score.and_then(|score| score.sd))]
    };
    let difference = row.difference.as_ref();
    let mut cells: Vec<String> = matrix.columns.iter().map(setting).chain(matrix.tasks.iter().flat_map(of_task)).collect();
    cells.extend([
        number(row.mean),
        is_reference.to_string(),
        number(difference.map(|difference| difference.mean)),
        number(difference.and_then(|difference| Some(difference.interval?.0))),
        number(difference.and_then(|difference| Some(difference.interval?.1))),
        number(difference.and_then(|difference| difference.p)),
        number(row.adjusted_p),
        difference.map_or(String::new(), |difference| method(difference.method).to_string()),
        row.missing.join(" "),
    ]);
    cells
}

/// Returns the table as JSON, with its conclusions.
#[must_use]
pub fn matrix_json(matrix: &TaskMatrix) -> Value {
    let mut whole = json!(matrix);
    whole["conclusions"] = json!(task_conclusions(matrix));
    whole
}
