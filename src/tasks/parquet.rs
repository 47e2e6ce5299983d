//! The hub's layout: one parquet file a split.

use std::fs::File;
use std::panic::catch_unwind;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::{Example, Task};
use crate::panics;

/// Reads every row of a parquet file.
///
/// # Errors
/// The file cannot be read or is damaged, lacks a column, or a row does not fit: named by its number.
pub fn read(path: &Path, task: &Task) -> Result<Vec<Example>> {
    // The library panics over some damaged files.
    let read = catch_unwind(|| read_rows(path, task)).unwrap_or_else(|_| Err(anyhow!("the file is damaged: {}", panics::last())));
    read.with_context(|| format!("cannot use {}", path.display()))
}

fn read_rows(path: &Path, task: &Task) -> Result<Vec<Example>> {
    let file = File::open(path)?;
    let reader = SerializedFileReader::new(file).map_err(|error| anyhow!("the file is damaged or no parquet file: {error}"))?;
    // Fields of a row are those at the top of the schema, whatever is nested in them.
    let names: Vec<String> =
        reader.metadata().file_metadata().schema().get_fields().iter().map(|field| field.name().to_string()).collect();
    let columns = task
        .columns()
        .iter()
        .map(|column| {
            let missing =
                || format!("{} needs a column \"{}\", and the file has {}", task.name, column.parquet, names.join(", "));
            names.iter().position(|name| name == column.parquet).with_context(missing)
        })
        .collect::<Result<Vec<_>>>()?;
    let mut examples = Vec::new();
    for (number, row) in reader.get_row_iter(None)?.enumerate() {
        let row = row.map_err(|error| anyhow!("row {number}: {error}"))?;
        let fields = fields(&row, &columns).map_err(|problem| anyhow!("row {number}: {problem}"))?;
        examples.push(task.example(&fields).map_err(|problem| anyhow!("row {number}: {problem}"))?);
    }
    Ok(examples)
}

fn fields(row: &Row, columns: &[usize]) -> Result<Vec<String>, String> {
    let all: Vec<(&String, &Field)> = row.get_column_iter().collect();
    let text = |column: &usize| match all.get(*column) {
        Some((_, Field::Str(text))) => Ok(text.clone()),
        Some((_, Field::Long(number))) => Ok(number.to_string()),
        Some((_, Field::Int(number))) => Ok(number.to_string()),
        Some((name, other)) => Err(format!("{name} is {other}, expected text or a whole number")),
        None => Err("a column is missing".into()),
    };
    columns.iter().map(text).collect()
}
