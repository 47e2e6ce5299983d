//! Reads the hub's layout: parquet files for each split.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::{Example, Head, Task};
use crate::machine::input_file::{HashingReader, MIB};
use crate::machine::panics;
use crate::terminal::{brief, listed};

/// The size limit in bytes: a file is held in memory while its rows are read.
const LARGEST: u64 = 4096 * MIB;

/// The limit on the number of rows: a few bytes can encode any number of identical rows.
const MOST_ROWS: i64 = 100_000_000;

/// Reads every row of a parquet file and leaves the reader at its end.
///
/// # Errors
/// The file cannot be read or is damaged, lacks a column, or contains an invalid row, which is named by its number.
pub fn read(reader: &mut HashingReader, path: &Path, task: &Task) -> Result<Vec<Example>> {
    let named = || format!("cannot use {}", path.display());
    if !reader.is_between(b"PAR1")? {
        let is_arrow = reader.is_between(b"ARROW1")?;
        let what =
            if is_arrow { "this is an Arrow file, not a parquet file" } else { "the file is damaged or not a parquet file" };
        return Err(anyhow!(what)).with_context(named);
    }
    let bytes = Bytes::from(reader.rest(LARGEST)?);
    // The library panics on some damaged files.
    let read = catch_unwind(AssertUnwindSafe(|| read_rows(bytes, task)));
    read.unwrap_or_else(|_| Err(anyhow!("the file is damaged: {}", panics::last()))).with_context(named)
}

fn read_rows(bytes: Bytes, task: &Task) -> Result<Vec<Example>> {
    let reader =
        SerializedFileReader::new(bytes).map_err(|error| anyhow!("the file is damaged or not a parquet file: {error}"))?;
    refuse_unknown_codecs(reader.metadata())?;
    let announced = reader.metadata().file_metadata().num_rows();
    ensure!(announced <= MOST_ROWS, "it announces {announced} rows, more than the limit of {MOST_ROWS}");
    let schema = reader.metadata().file_metadata().schema();
    let columns = task.columns();
    let columns = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>();
    let wanted = columns.iter().map(|column| place(schema, column, task)).collect::<Result<Vec<_>>>()?;
    // Unused columns may have any type.
    let projection = Type::group_type_builder(schema.name()).with_fields(wanted).build()?;
    let mut examples = Vec::new();
    for (number, row) in reader.get_row_iter(Some(projection))?.enumerate() {
        let row = row.map_err(|error| anyhow!("row {number}: the file is damaged: {error}"))?;
        let fields = fields(&row, &columns, task).map_err(|problem| anyhow!("row {number}: {problem}"))?;
        examples.push(task.example(&fields).map_err(|problem| anyhow!("row {number}: {problem}"))?);
    }
    ensure!(i64::try_from(examples.len()) == Ok(announced), "the file is damaged: it has {} of {announced} rows", examples.len());
    Ok(examples)
}

/// Refuses LZO, the only compression that is not supported.
fn refuse_unknown_codecs(metadata: &ParquetMetaData) -> Result<()> {
    let mut codecs = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns).map(ColumnChunkMetaData::compression);
    if codecs.any(|codec| codec == Compression::LZO) {
        bail!("it is compressed with LZO, which is not supported; rewrite it with another compression, such as snappy");
    }
    Ok(())
}

/// Finds a top-level column of the schema.
fn place(schema: &Type, column: &str, task: &Task) -> Result<Arc<Type>> {
    let mut found = schema.get_fields().iter().filter(|field| field.name() == column);
    let Some(field) = found.next() else {
        let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
        bail!("{} needs a column \"{column}\", and the file has {}", task.name, listed(&names));
    };
    ensure!(found.next().is_none(), "the file has two columns \"{column}\"");
    ensure!(field.is_primitive(), "the column \"{column}\" is nested, expected text or whole numbers");
    Ok(Arc::clone(field))
}

/// Returns a row's columns as text, in the requested order. Only a numeric target may be a decimal number.
fn fields(row: &Row, columns: &[&str], task: &Task) -> Result<Vec<String>, String> {
    let text = |column: &&str| {
        let (_, field) = row.get_column_iter().find(|(name, _)| name == column).ok_or("a column is missing")?;
        let is_value = task.head == Head::Value && task.target.name == *column;
        match decimal(field).filter(|_| is_value) {
            Some(number) => Ok(number.to_string()),
            None => text(field).map_err(|found| {
                format!("{column} is {found}, expected {}", if is_value { "a number" } else { "text or a whole number" })
            }),
        }
    };
    columns.iter().map(text).collect()
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
