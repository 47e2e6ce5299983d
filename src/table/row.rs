//! Rows and their cells.

use std::fmt;

/// A row's wanted columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where the row begins.
    pub place: RowPlace,
    /// The cells, in the order in which the columns were asked for.
    pub cells: Vec<Cell>,
}

/// Where a row begins in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowPlace {
    /// The line of a text file, counted from 1; an empty line counts.
    Line(u64),
    /// The row of a parquet file, counted from 0 as pyarrow and pandas do.
    Row(u64),
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// What a row has in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing: an empty cell, null, or a key that a JSON object does not have.
    Missing,
    /// Text as it is written. In JSON and parquet, a whole number is its decimal text, another number the shortest text that
    /// reads as the same number, and a boolean `true` or `false`.
    Text(String),
    /// A list of texts or whole numbers, of JSON or parquet; it may be empty.
    List(Vec<String>),
}

impl Cell {
    /// Returns a text; an empty one is missing.
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Missing } else { Self::Text(text) }
    }
}
