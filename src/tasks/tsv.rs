//! GLUE's own layout: tab-separated, a header, no quoting.

use std::path::Path;

use anyhow::{Context, Result, bail};
use csv::{ErrorKind, ReaderBuilder, StringRecord, Terminator};

use super::{Example, Task};

/// Reads every row of a .tsv file.
///
/// # Errors
/// The file cannot be read, its header lacks a column, or a row does not fit: named by its line.
pub fn read(path: &Path, task: &Task) -> Result<Vec<Example>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    // A quotation mark is text in these files, and only a line feed ends a row.
    let mut reader = ReaderBuilder::new().delimiter(b'\t').quoting(false).terminator(Terminator::Any(b'\n')).from_reader(bytes);
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim_end_matches('\r').to_string()).collect(),
        Err(error) => bail!("{}: {}", path.display(), explain(&error)),
    };
    let columns = task
        .columns()
        .iter()
        .map(|column| header.iter().position(|name| name == column.tsv).with_context(|| missing(path, task, column.tsv, &header)))
        .collect::<Result<Vec<_>>>()?;
    let mut examples = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => bail!("{}: {}", path.display(), explain(&error)),
        };
        let line = record.position().map_or(0, csv::Position::line);
        let example = task.example(&fields(&record, &columns));
        examples.push(example.map_err(|problem| anyhow::anyhow!("{}, line {line}: {problem}", path.display()))?);
    }
    Ok(examples)
}

fn fields(record: &StringRecord, columns: &[usize]) -> Vec<String> {
    columns.iter().map(|column| record[*column].trim_end_matches('\r').to_string()).collect()
}

fn missing(path: &Path, task: &Task, column: &str, header: &[String]) -> String {
    let found = header.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    format!("{}, line 1: {} needs a column \"{column}\", and the header has {found}", path.display(), task.name)
}

fn explain(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line} has {len} columns, the header has {expected_len}")
        }
        ErrorKind::Utf8 { .. } => format!("line {line} is not UTF-8"),
        _ => error.to_string(),
    }
}
