//! A table of any format, row by row.

use std::io::Read;
use std::path::Path;

use super::TableInput;
use super::delimited::{Delimited, Dialect};
use super::error::{RowError, TableError};
use super::input::text;
use super::json::JsonLines;
use super::parquet::{ParquetRows, ParquetTable};
use super::row::Row;
use super::{Compression, DataFormat, Separator, TableOptions, parquet_cells};
use crate::machine::input_file::HashingReader;

/// An open table, whose columns are known.
///
/// It borrows a [`HashingReader`], whose hash is taken when the rows have been read, or owns what it reads.
pub struct TableReader<'r> {
    name: String,
    format: DataFormat,
    body: Body<'r>,
}

enum Body<'r> {
    Delimited(Box<Delimited<'r>>),
    Json(Box<JsonLines<'r>>),
    Parquet(ParquetTable),
}

/// The rows of a table; after an error, there are no more.
pub struct Rows<'r> {
    name: String,
    body: RowsBody<'r>,
    is_done: bool,
}

enum RowsBody<'r> {
    Delimited(Box<Delimited<'r>>),
    Json(Box<JsonLines<'r>>),
    Parquet { rows: ParquetRows, wanted: Vec<String> },
}

impl TableReader<'static> {
    /// Opens a file that need not be hashed.
    ///
    /// # Errors
    /// As for [`TableReader::of_file`]; or the file cannot be opened.
    pub fn open(path: &Path, options: &TableOptions) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let mut reader = HashingReader::open(path)?;
        let (format, compression) = told(&name, options)?;
        if format == DataFormat::Parquet {
            return Ok(Self::parquet(name, &mut reader, compression, options)?);
        }
        Ok(Self::of_text(name, format, Box::new(reader), compression, options)?)
    }
}

impl<'r> TableReader<'r> {
    /// Opens a file; `path` is its name in messages and tells the format, unless `options` do.
    ///
    /// Of text, the reader gives all bytes in order. Of parquet, it gives none, and they are hashed when its hash is taken.
    ///
    /// # Errors
    /// The format is unknown or not that of the file, or the file has no sound header.
    pub fn of_file(reader: &'r mut HashingReader, path: &Path, options: &TableOptions) -> Result<Self, TableError> {
        let name = path.display().to_string();
        let (format, compression) = told(&name, options)?;
        if format == DataFormat::Parquet {
            return Self::parquet(name, reader, compression, options);
        }
        Self::of_text(name, format, Box::new(reader), compression, options)
    }

    /// Reads a table from a stream, such as standard input; `name` is what messages call it.
    ///
    /// # Errors
    /// As for [`TableReader::of_file`]; or the format is parquet, which cannot be read in order.
    pub fn of_stream(
        stream: impl Read + Send + 'r,
        format: DataFormat,
        name: &str,
        options: &TableOptions,
    ) -> Result<Self, TableError> {
        if format == DataFormat::Parquet {
            return Err(of_file(name, "parquet cannot be read from a stream; write it to a file"));
        }
        Self::of_text(name.into(), format, Box::new(stream), None, options)
    }

    fn parquet(
        name: String,
        reader: &mut HashingReader,
        compression: Option<Compression>,
        options: &TableOptions,
    ) -> Result<Self, TableError> {
        if compression.is_some() {
            return Err(of_file(&name, "parquet cannot be read when the whole file is compressed; decompress it"));
        }
        if options.encoding.is_some() || options.separator.is_some() {
            return Err(of_file(&name, "parquet has neither encoding nor separator; leave them out"));
        }
        match ParquetTable::open(reader) {
            Ok(table) => Ok(Self { name, format: DataFormat::Parquet, body: Body::Parquet(table) }),
            Err(problem) => Err(RowError::from(problem).of_file(&name)),
        }
    }

    fn of_text(
        name: String,
        format: DataFormat,
        bytes: TableInput<'r>,
        compression: Option<Compression>,
        options: &TableOptions,
    ) -> Result<Self, TableError> {
        match body(format, bytes, compression, options) {
            Ok(body) => Ok(Self { name, format, body }),
            Err(error) => Err(error.of_file(&name)),
        }
    }

    /// Returns the format.
    #[must_use]
    pub fn format(&self) -> DataFormat {
        self.format
    }

    /// Returns the columns: the header, the keys of the first JSON object, or `text` (and `text_pair`) of plain lines.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        match &self.body {
            Body::Delimited(table) => table.columns(),
            Body::Json(table) => table.columns(),
            Body::Parquet(table) => table.columns(),
        }
    }

    /// Returns the rows, with these columns in this order.
    ///
    /// # Errors
    /// A column is missing, or is nested.
    pub fn rows(self, wanted: &[&str]) -> Result<Rows<'r>, TableError> {
        let Self { name, body, .. } = self;
        let body = match body {
            Body::Delimited(mut table) => table.select(wanted).map(|()| RowsBody::Delimited(table)),
            Body::Json(mut table) => table.select(wanted).map(|()| RowsBody::Json(table)),
            Body::Parquet(table) => parquet_cells::select(table, wanted)
                .map_err(RowError::from)
                .map(|rows| RowsBody::Parquet { rows, wanted: wanted.iter().map(ToString::to_string).collect() }),
        };
        match body {
            Ok(body) => Ok(Rows { name, body, is_done: false }),
            Err(error) => Err(error.of_file(&name)),
        }
    }
}

impl Rows<'_> {
    /// Returns a note for the user about the rows read so far.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let RowsBody::Delimited(table) = &self.body else { return None };
        table.remark().map(|remark| format!("{}: {remark}", self.name))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = match &mut self.body {
            RowsBody::Delimited(table) => table.next_row(),
            RowsBody::Json(table) => table.next_row(),
            RowsBody::Parquet { rows, wanted } => parquet_cells::next_row(rows, wanted),
        };
        self.is_done = !matches!(next, Ok(Some(_)));
        next.map_err(|error| error.of_file(&self.name)).transpose()
    }
}

/// Tells format and compression of a file.
fn told(name: &str, options: &TableOptions) -> Result<(DataFormat, Option<Compression>), TableError> {
    let (format, compression) = DataFormat::of_name(name);
    let format = options.format.or(format).ok_or_else(|| of_file(name, DataFormat::unknown()))?;
    Ok((format, compression))
}

fn body<'r>(
    format: DataFormat,
    bytes: TableInput<'r>,
    compression: Option<Compression>,
    options: &TableOptions,
) -> Result<Body<'r>, RowError> {
    let text = text(bytes, compression, options.encoding)?;
    let separator = options.separator;
    let dialect = match format {
        DataFormat::Csv => Dialect::Csv(separator.unwrap_or(Separator::COMMA)),
        DataFormat::Tsv => Dialect::Tsv(separator.unwrap_or(Separator::TAB)),
        DataFormat::Lines | DataFormat::Jsonl | DataFormat::Parquet if separator.is_some() => {
            return Err(anyhow::anyhow!("{} has no separator; leave it out, or name another format", format.name()).into());
        }
        DataFormat::Lines => Dialect::Lines,
        DataFormat::Jsonl | DataFormat::Parquet => return Ok(Body::Json(Box::new(JsonLines::open(text)?))),
    };
    let table = Delimited::open(text, dialect)?;
    if separator.is_none() {
        table.refuse_other_separators()?;
    }
    Ok(Body::Delimited(Box::new(table)))
}

fn of_file(name: &str, problem: impl Into<String>) -> TableError {
    TableError { file: name.into(), place: None, problem: anyhow::Error::msg(problem.into()) }
}
