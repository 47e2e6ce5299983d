//! JSON Lines: one object per line.

use serde::de::{Deserialize, DeserializeSeed};

use super::TableInput;
use super::columns;
use super::error::RowError;
use super::json_value::{CellsOf, Keys};
use super::lines::LineReader;
use super::row::{Row, RowPlace};

/// A table of JSON Lines, whose first object has been read.
pub(super) struct JsonLines<'r> {
    lines: LineReader<TableInput<'r>>,
    /// The first line, which is a row too, and its number.
    first: Option<(String, u64)>,
    first_line: u64,
    columns: Vec<String>,
    wanted: Vec<String>,
}

impl<'r> JsonLines<'r> {
    pub fn open(text: TableInput<'r>) -> Result<Self, RowError> {
        let mut lines = LineReader::new(text)?;
        let Some((first, number)) = next_object(&mut lines)? else {
            return Err(anyhow::anyhow!("the table is empty, expected a JSON object per line").into());
        };
        let columns = Keys::deserialize(&mut serde_json::Deserializer::from_str(first));
        let Keys(columns) = columns.map_err(|error| RowError::at_line(number, syntax(&error)))?;
        let first = Some((first.to_string(), number));
        Ok(Self { first, lines, first_line: number, columns, wanted: Vec::new() })
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    pub fn select(&mut self, wanted: &[&str]) -> Result<(), RowError> {
        columns::find(&self.columns, wanted).map_err(|problem| RowError::at_line(self.first_line, problem.to_string()))?;
        self.wanted = wanted.iter().map(ToString::to_string).collect();
        Ok(())
    }

    pub fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        if let Some((line, number)) = self.first.take() {
            return row(&line, number, &self.wanted).map(Some);
        }
        next_object(&mut self.lines)?.map(|(line, number)| row(line, number, &self.wanted)).transpose()
    }
}

/// Returns the next line that is not empty, and its number.
fn next_object<'a>(lines: &'a mut LineReader<TableInput<'_>>) -> Result<Option<(&'a str, u64)>, RowError> {
    loop {
        match lines.next_line()? {
            None => return Ok(None),
            Some(line) if line.trim().is_empty() => {}
            Some(_) => break,
        }
    }
    let (line, number) = (lines.line().trim(), lines.number());
    let found = match line.as_bytes().first() {
        Some(b'{') => return Ok(Some((line, number))),
        Some(b'[') => "a list; if the whole file is one, write an object per line, for example with `jq -c '.[]'`",
        _ => "something else",
    };
    Err(RowError::at_line(number, format!("expected a JSON object, such as {{\"text\": \"…\", \"label\": 1}}, found {found}")))
}

fn row(line: &str, number: u64, wanted: &[String]) -> Result<Row, RowError> {
    let mut json = serde_json::Deserializer::from_str(line);
    let parsed = CellsOf(wanted).deserialize(&mut json).and_then(|cells| json.end().map(|()| cells));
    let cells = parsed.map_err(|error| syntax(&error)).and_then(|cells| cells);
    let cells = cells.map_err(|problem| RowError::at_line(number, problem))?;
    Ok(Row { place: RowPlace::Line(number), cells })
}

/// Describes an error of syntax, whose line is always 1.
fn syntax(error: &serde_json::Error) -> String {
    let (all, column) = (error.to_string(), error.column());
    let what = all.strip_suffix(&format!(" at line 1 column {column}")).unwrap_or(&all);
    let hint = if error.is_eof() { "; an object has to end on the line where it begins" } else { "" };
    format!("not valid JSON at column {column}: {what}{hint}")
}
