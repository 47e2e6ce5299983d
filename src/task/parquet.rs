//! Reads the hub's layout: parquet files for each split.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use parquet::record::Field;

use super::{Example, Head, Reads, Task};
use crate::machine::input_file::{HashingReader, MIB};
use crate::table::parquet::{ParquetColumn, ParquetTable, refuse_other_files};
use crate::terminal::{brief, listed};

/// The size limit in bytes: a file is held in memory while its rows are read.
const LARGEST: u64 = 4096 * MIB;

/// The limit on the number of rows: a few bytes can encode any number of identical rows.
const MOST_ROWS: i64 = 100_000_000;

/// Reads every row of a parquet file and leaves the reader at its end.
///
/// # Errors
/// The file cannot be read or is damaged, lacks a column, or contains an invalid row, which is named by its number.
pub fn read(reader: &mut HashingReader, path: &Path, task: &Task, reads: Reads) -> Result<Vec<Example>> {
    let named = || format!("cannot use {}", path.display());
    refuse_other_files(reader).with_context(named)?;
    let bytes = Bytes::from(reader.rest(LARGEST)?);
    examples(bytes, task, reads).with_context(named)
}

fn examples(bytes: Bytes, task: &Task, reads: Reads) -> Result<Vec<Example>> {
    let table = ParquetTable::in_memory(bytes)?;
    let announced = table.announced();
    ensure!(announced <= MOST_ROWS, "it announces {announced} rows, more than the limit of {MOST_ROWS}");
    let columns = task.columns(reads);
    let columns = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>();
    for column in &columns {
        if !table.columns().iter().any(|name| name == column) {
            bail!("{} needs a column \"{column}\", and the file has {}", task.name, listed(table.columns()));
        }
        let is_plain = table.column(column)? == ParquetColumn::Values;
        ensure!(is_plain, "the column \"{column}\" is nested, expected text or whole numbers");
    }
    let mut rows = table.rows(&columns)?;
    let mut examples = Vec::new();
    loop {
        let number = rows.read();
        let Some(row) = rows.next_row()? else { return Ok(examples) };
        let fields = fields(&row, &columns, task).map_err(|problem| anyhow!("row {number}: {problem}"))?;
        examples.push(task.example(&fields, reads).map_err(|problem| anyhow!("row {number}: {problem}"))?);
    }
}

/// Returns a row's columns as text, in the requested order. Only a numeric target may be a decimal number.
fn fields(row: &[Field], columns: &[&str], task: &Task) -> Result<Vec<String>, String> {
    let text = |(field, column): (&Field, &&str)| {
        let is_value = task.head == Head::Value && task.target.name == *column;
        match decimal(field).filter(|_| is_value) {
            Some(number) => Ok(number.to_string()),
            None => text(field).map_err(|found| {
                format!("{column} is {found}, expected {}", if is_value { "a number" } else { "text or a whole number" })
            }),
        }
    };
    row.iter().zip(columns).map(text).collect()
}

/// Converts a decimal number to the precision of the model's output.
fn decimal(field: &Field) -> Option<f32> {
    match field {
        Field::Float16(number) => Some(number.to_f32()),
        Field::Float(number) => Some(*number),
        Field::Double(number) => Some(*number as f32),
        _ => None,
    }
}

/// Converts text or an integer of any width to text; the error describes any other type.
fn text(field: &Field) -> Result<String, String> {
    Ok(match field {
        Field::Str(text) => text.clone(),
        Field::Byte(number) => number.to_string(),
        Field::Short(number) => number.to_string(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) => number.to_string(),
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        Field::Null => return Err("missing".into()),
        Field::Bytes(bytes) => return Err(format!("binary data of {} bytes", bytes.len())),
        Field::Bool(value) => return Err(format!("the boolean {value}")),
        Field::Float(_) | Field::Double(_) | Field::Float16(_) => return Err(format!("the decimal number {field}")),
        other => return Err(brief(&other.to_string())),
    })
}
