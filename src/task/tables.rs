//! Examples from users' own tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{Example, Head, Reads, SplitRows, Target, Task, Text, TextColumns};
use crate::table::{Cell, FilesRead, Row, TableOptions, read_files};
use crate::terminal::brief;

/// Reads every row of some tables as examples, with their targets or without.
///
/// # Errors
/// A file cannot be read, or a row does not fit the task; named by file and line.
pub fn read(paths: &[PathBuf], options: &TableOptions, task: &Task, reads: Reads) -> Result<SplitRows> {
    let columns = task.columns(reads);
    let wanted: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut examples = Vec::new();
    let FilesRead { sha256, remarks, .. } = read_files(paths, options, &wanted, |row| {
        examples.push(example(&row, task, reads, &wanted)?);
        Ok(())
    })?;
    Ok(SplitRows { examples, sha256, remarks })
}

/// Makes an example of a row with the task's columns.
///
/// # Errors
/// A cell is empty, or not what the task expects.
fn example(row: &Row, task: &Task, reads: Reads, columns: &[&str]) -> Result<Example, String> {
    let texts = if let TextColumns::Pair(..) = task.text { 2 } else { 1 };
    let text = |index: usize| match &row.cells[index] {
        Cell::Text(text) => Ok(text.clone()),
        Cell::Missing => Err(format!("\"{}\" is empty; remove the row or fill it", columns[index])),
        Cell::List(_) => Err(format!("\"{}\" is a list, expected a text", columns[index])),
    };
    let text = if texts == 2 { Text::Pair(text(0)?, text(1)?) } else { Text::Single(text(0)?) };
    let target = (reads == Reads::Labeled).then(|| target(&row.cells[texts..], &columns[texts..], task)).transpose()?;
    Ok(Example { text, target })
}

fn target(cells: &[Cell], columns: &[&str], task: &Task) -> Result<Target, String> {
    if let (Head::Labels(labels), [cell], false) = (&task.head, cells, task.target.name.is_empty()) {
        return labels_of(cell, labels, columns[0]);
    }
    let texts = cells.iter().zip(columns).map(|(cell, column)| match cell {
        Cell::Text(text) => Ok(match (&task.head, text.as_str()) {
            (Head::Labels(_), "true" | "True") => "1".into(),
            (Head::Labels(_), "false" | "False") => "0".into(),
            _ => text.clone(),
        }),
        Cell::Missing => Err(format!("\"{column}\" is empty, and every example needs a label")),
        Cell::List(_) => Err(format!("\"{column}\" is a list; lists of labels are for kind = \"multi_label\"")),
    });
    Target::parse(&texts.collect::<Result<Vec<_>, _>>()?, &task.head, task.class_cells)
}

/// Reads a list of labels.
fn labels_of(cell: &Cell, labels: &[String], column: &str) -> Result<Target, String> {
    let Cell::List(names) = cell else {
        return Err(format!(
            "\"{column}\" is not a list; .jsonl and .parquet have lists, and for other files each label needs a column of 0 and 1"
        ));
    };
    let mut bits = vec![false; labels.len()];
    for name in names {
        let place = labels.iter().position(|label| label == name);
        let place = place.ok_or_else(|| format!("the label is \"{}\", expected some of {}", brief(name), labels.join(", ")))?;
        bits[place] = true;
    }
    Ok(Target::Labels(bits.into()))
}

/// Counts the distinct labels in a column, of text or of lists.
///
/// # Errors
/// A file cannot be read, a label is missing, or there are so many that the column cannot hold labels.
pub fn distinct_labels(paths: &[PathBuf], options: &TableOptions, column: &str) -> Result<BTreeMap<String, usize>> {
    /// A column with more is one of texts or numbers.
    const MOST: usize = 1_000;
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    read_files(paths, options, &[column], |mut row| {
        let names = match row.cells.pop() {
            Some(Cell::Text(text)) => vec![text.trim().to_string()],
            Some(Cell::List(names)) => names,
            Some(Cell::Missing) | None => return Err(format!("\"{column}\" is empty, and every example needs a label")),
        };
        for name in names {
            *labels.entry(name).or_default() += 1;
        }
        if labels.len() > MOST {
            return Err(format!(
                "\"{column}\" has more than {MOST} different labels; is it the right column? For numbers, set kind = \"regression\""
            ));
        }
        Ok(())
    })?;
    if labels.is_empty() {
        bail!("no labels: the training files have no rows");
    }
    Ok(labels)
}

/// Sorts labels: as numbers if all are numbers, otherwise as text.
#[must_use]
pub fn sorted(labels: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut labels: Vec<String> = labels.into_iter().collect();
    let number = |label: &String| label.parse::<f64>().ok().filter(|number| number.is_finite());
    if labels.iter().all(|label| number(label).is_some()) {
        labels.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.cmp(b)));
    } else {
        labels.sort();
    }
    labels
}
