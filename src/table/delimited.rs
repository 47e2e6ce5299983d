//! CSV, tab-separated text and plain lines.

use std::borrow::Cow;

use super::TableInput;
use super::error::RowError;
use super::lines::{LONGEST, LineReader, without_end};
use super::quoted::QuotedScan;
use super::record::{MOST_COLUMNS, TextRecord, divide};
use super::row::{Cell, Row, RowPlace};
use super::{Separator, columns};
use crate::numbers::{count, counted};
use crate::terminal::brief;

/// The columns of plain lines, named as the arguments of transformers' tokenizers.
const LINE_COLUMNS: [&str; 2] = ["text", "text_pair"];

/// How rows of text are divided into fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// With a header and quoting.
    Csv(Separator),
    /// With a header and without quoting.
    Tsv(Separator),
    /// Without header, empty lines count.
    Lines,
}

/// A table of text, whose first row has been read.
pub(super) struct Delimited<'r> {
    lines: LineReader<TableInput<'r>>,
    dialect: Dialect,
    record: TextRecord,
    columns: Vec<String>,
    /// Whether the record is a row that is to be returned next: the first, of a table without a header.
    is_waiting: bool,
    /// The places of the wanted columns.
    wanted: Vec<usize>,
    quoted_cells: Option<QuotedCells>,
}

/// Cells of tab-separated text that look quoted.
struct QuotedCells {
    first_line: u64,
    number: u64,
}

impl<'r> Delimited<'r> {
    pub fn open(text: TableInput<'r>, dialect: Dialect) -> Result<Self, RowError> {
        let lines = LineReader::new(text)?;
        let record = TextRecord::default();
        let mut table =
            Self { lines, dialect, record, columns: Vec::new(), is_waiting: false, wanted: Vec::new(), quoted_cells: None };
        let is_there = table.next_record()?;
        if dialect == Dialect::Lines {
            let width = if is_there { table.record.fields.len() } else { 1 };
            table.columns = LINE_COLUMNS.iter().take(width).map(ToString::to_string).collect();
            if width > LINE_COLUMNS.len() {
                return Err(table.here(format!("the line has {width} texts with tabs between them, expected one or two")));
            }
            table.is_waiting = is_there;
        } else if is_there {
            table.columns = (0..table.record.fields.len()).map(|field| table.record.field(field).into_owned()).collect();
            columns::check(&table.columns).map_err(|problem| table.here(problem.to_string()))?;
        } else {
            return Err(anyhow::anyhow!("the table is empty, expected a header that names the columns").into());
        }
        Ok(table)
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Refuses a header that seems to be one column only because the separator is another.
    pub fn refuse_other_separators(&self) -> Result<(), RowError> {
        let ([column], Dialect::Csv(own) | Dialect::Tsv(own)) = (self.columns.as_slice(), self.dialect) else { return Ok(()) };
        let separators = [(b',', ",", "commas"), (b';', ";", "semicolons"), (b'\t', "\\t", "tabs"), (b'|', "|", "vertical bars")];
        let mut others = separators.into_iter().filter(|(byte, ..)| *byte != own.byte());
        let Some((_, other, name)) = others.find(|(byte, ..)| column.bytes().any(|found| found == *byte)) else { return Ok(()) };
        Err(self.here(format!(
            "the header is a single column, \"{}\"; if {name} separate the columns, name format and separator: format = \"csv\", \
             separator = \"{other}\"",
            brief(&column.replace('\t', "\\t"))
        )))
    }

    pub fn select(&mut self, wanted: &[&str]) -> Result<(), RowError> {
        self.wanted = columns::find(&self.columns, wanted).map_err(|problem| self.here(problem.to_string()))?;
        Ok(())
    }

    pub fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        if !std::mem::take(&mut self.is_waiting) && !self.next_record()? {
            return Ok(None);
        }
        let (found, expected) = (self.record.fields.len(), self.columns.len());
        if found != expected {
            let more = if found > MOST_COLUMNS { "more than " } else { "" };
            let found = found.min(MOST_COLUMNS);
            let problem = if self.dialect == Dialect::Lines {
                let found = counted(found, "text", "texts");
                format!("the line has {more}{found} with tabs between them, the first line has {expected}")
            } else {
                let found = counted(found, "column", "columns");
                format!("the row has {more}{found}, the header has {}", count(expected as u64))
            };
            return Err(self.here(problem));
        }
        let cells = self.wanted.iter().map(|place| Cell::text(self.record.field(*place))).collect();
        self.count_quoted_cells();
        Ok(Some(Row { place: RowPlace::Line(self.record.line), cells }))
    }

    /// Says that cells of tab-separated text look quoted, which are read as they are.
    pub fn remark(&self) -> Option<String> {
        self.quoted_cells.as_ref().map(|QuotedCells { first_line, number }| {
            format!(
                "{} in quotation marks, from line {first_line} on, which are read as part of the text, because tab-separated text has \
                 no quoting; if it has, read it with format = \"csv\" and separator = \"\\t\"",
                if *number == 1 { "a cell is".into() } else { format!("{} cells are", count(*number)) }
            )
        })
    }

    /// An error in the current row.
    fn here(&self, problem: String) -> RowError {
        RowError::at_line(self.record.line, problem)
    }

    /// Reads a row and finds its fields; returns whether there is one.
    fn next_record(&mut self) -> Result<bool, RowError> {
        loop {
            if self.lines.next_line()?.is_none() {
                return Ok(false);
            }
            self.record.begin(self.lines.line(), self.lines.number());
            let is_empty = without_end(self.lines.line()).is_empty();
            // Many files end with an empty line, which is no row except where each line is one.
            if !is_empty || self.dialect == Dialect::Lines {
                break;
            }
        }
        match self.dialect {
            Dialect::Csv(separator) => self.scan_quoted(separator.byte())?,
            Dialect::Tsv(separator) => self.divide(separator.byte()),
            Dialect::Lines => self.divide(b'\t'),
        }
        Ok(true)
    }

    fn divide(&mut self, separator: u8) {
        let TextRecord { text, fields, .. } = &mut self.record;
        divide(without_end(text), separator, 0, fields);
    }

    fn scan_quoted(&mut self, separator: u8) -> Result<(), RowError> {
        let TextRecord { text, fields, .. } = &mut self.record;
        let mut scan = QuotedScan::new(separator);
        let mut start = 0;
        loop {
            let number = self.lines.number();
            let is_complete =
                scan.scan(&text[start..], start, number, fields).map_err(|problem| RowError::at_line(number, problem))?;
            if is_complete {
                return Ok(());
            }
            start = text.len();
            let never = |until: &str| format!("a quotation mark opens a field here, and {until} without another that closes it");
            let Some(line) = self.lines.next_line()? else {
                return Err(RowError::at_line(scan.opened, never("the file ends")));
            };
            if text.len() + line.len() > LONGEST {
                return Err(RowError::at_line(scan.opened, never("32 MiB follow, the limit for a row,")));
            }
            text.push_str(line);
        }
    }

    fn count_quoted_cells(&mut self) {
        let looks_quoted = |place: &usize| -> bool {
            let field: Cow<'_, str> = self.record.field(*place);
            field.len() > 1 && field.starts_with('"') && field.ends_with('"')
        };
        if matches!(self.dialect, Dialect::Tsv(_)) {
            let found = self.wanted.iter().filter(|place| looks_quoted(place)).count() as u64;
            if found > 0 {
                let first_line = self.record.line;
                self.quoted_cells.get_or_insert(QuotedCells { first_line, number: 0 }).number += found;
            }
        }
    }
}
