//! Errors of tables, by file and line.

use std::fmt;

use super::{LineError, LineProblem, RowPlace, encoding};

/// Why a table cannot be read, and where: `data/train.csv, line 7: the row has 2 columns, the header has 3`.
#[derive(Debug)]
pub struct TableError {
    /// The file's path, or what else the table was called.
    pub file: String,
    /// Where, if it is about one row.
    pub place: Option<RowPlace>,
    /// What is wrong and what to do.
    pub problem: anyhow::Error,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{}, {place}: {:#}", self.file, self.problem),
            None => write!(f, "{}: {:#}", self.file, self.problem),
        }
    }
}

// The causes are part of the message.
impl std::error::Error for TableError {}

/// The same within a file, whose name the reader adds.
#[derive(Debug)]
pub(super) struct RowError {
    pub place: Option<RowPlace>,
    pub problem: anyhow::Error,
}

impl RowError {
    pub fn at_line(line: u64, problem: impl Into<String>) -> Self {
        Self { place: Some(RowPlace::Line(line)), problem: anyhow::Error::msg(problem.into()) }
    }

    pub fn of_file(self, file: &str) -> TableError {
        TableError { file: file.into(), place: self.place, problem: self.problem }
    }
}

impl From<anyhow::Error> for RowError {
    fn from(problem: anyhow::Error) -> Self {
        Self { place: None, problem }
    }
}

impl From<LineError> for RowError {
    fn from(LineError { line, problem }: LineError) -> Self {
        match problem {
            LineProblem::NotUtf8(bytes) => Self::at_line(line, encoding::not_utf8(&bytes)),
            LineProblem::ZeroByte => Self::at_line(
                line,
                "a zero byte: the file is damaged, or its text is UTF-16 without a byte order mark, which has to be named: \
                 encoding = \"utf-16le\"",
            ),
            problem => Self { place: Some(RowPlace::Line(line)), problem: problem.into() },
        }
    }
}
