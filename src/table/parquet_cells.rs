//! Parquet's values as cells.

use anyhow::Result;
use parquet::record::Field;

use super::columns;
use super::error::RowError;
use super::parquet::{ParquetColumn, ParquetRows, ParquetTable};
use super::row::{Cell, Row, RowPlace};
use crate::terminal::brief;

/// Starts to read the wanted columns of a file.
pub(super) fn select(table: ParquetTable, wanted: &[&str]) -> Result<ParquetRows> {
    columns::find(table.columns(), wanted)?;
    for column in wanted {
        if table.column(column)? == ParquetColumn::Nested {
            anyhow::bail!(
                "the column \"{column}\" is nested, expected text, numbers, booleans, or lists of texts or whole numbers"
            );
        }
    }
    table.rows(wanted)
}

pub(super) fn next_row(rows: &mut ParquetRows, wanted: &[String]) -> Result<Option<Row>, RowError> {
    let place = RowPlace::Row(rows.read());
    let at = |problem| RowError { place: Some(place), problem };
    let Some(fields) = rows.next_row()? else { return Ok(None) };
    let cell = |(field, column): (&Field, &String)| {
        cell(field).map_err(|found| at(anyhow::anyhow!("\"{}\" is {found}, expected text, a number or a boolean", brief(column))))
    };
    let cells = fields.iter().zip(wanted).map(cell).collect::<Result<_, _>>()?;
    Ok(Some(Row { place, cells }))
}

/// Returns a value as a cell; the error describes a value that is none.
fn cell(field: &Field) -> Result<Cell, String> {
    Ok(match field {
        Field::Null => Cell::Missing,
        Field::Str(text) => Cell::text(text),
        Field::Bool(value) => Cell::Text(value.to_string()),
        Field::Float16(number) => Cell::Text(number.to_f32().to_string()),
        Field::Float(number) => Cell::Text(number.to_string()),
        Field::Double(number) => Cell::Text(number.to_string()),
        Field::Decimal(_) => Cell::Text(field.to_string()),
        Field::ListInternal(list) => {
            let item = |item: &Field| match item {
                Field::Str(text) => Ok(text.clone()),
                other => whole(other).ok_or("a list of something else than texts or whole numbers"),
            };
            Cell::List(list.elements().iter().map(item).collect::<Result<_, _>>()?)
        }
        Field::Bytes(bytes) => return Err(format!("binary data of {} bytes", bytes.len())),
        other => Cell::Text(whole(other).ok_or_else(|| brief(&other.to_string()))?),
    })
}

/// Returns a whole number of any width as decimal text.
fn whole(field: &Field) -> Option<String> {
    Some(match field {
        Field::Byte(number) => number.to_string(),
        Field::Short(number) => number.to_string(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) => number.to_string(),
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        _ => return None,
    })
}
