//! Reads text line by line, each of bounded length.

use std::io::{BufRead, BufReader, Chain, Cursor, Read};

use crate::machine::input_file::MIB;

/// The size limit of a line, and of a row that has several, in bytes: no text is that long, and a file without line breaks
/// is not a table. It bounds what reading a table of any size keeps in memory.
pub(super) const LONGEST: usize = 32 * MIB as usize;

/// Iterates over the lines of UTF-8 text.
pub struct LineReader<R> {
    reader: Chain<Cursor<Vec<u8>>, BufReader<R>>,
    /// Line feed, possibly preceded by carriage returns; or carriage return, in a file without line feeds.
    end: u8,
    number: u64,
    /// The last line.
    line: String,
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineError {
    /// The line, counted from 1.
    pub line: u64,
    pub problem: LineProblem,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineProblem {
    #[error("longer than 32 MiB, the limit for a line")]
    TooLong,
    #[error("the file is UTF-16, expected UTF-8; convert it, for example with `iconv -f UTF-16 -t UTF-8`")]
    Utf16,
    #[error("a zero byte: the file is damaged, or its text is not UTF-8")]
    ZeroByte,
    #[error("a line feed, while the lines before end in carriage returns")]
    LineFeed,
    #[error("not UTF-8")]
    NotUtf8(
        /// The line.
        Vec<u8>,
    ),
    #[error("cannot be read")]
    Unreadable(#[from] std::io::Error),
}

impl<R: Read> LineReader<R> {
    /// Reads the beginning of a text, which tells how its lines end.
    pub fn new(reader: R) -> Result<Self, LineError> {
        let mut reader = BufReader::with_capacity(MIB as usize, reader);
        let mut start = Vec::new();
        let end = loop {
            let more = reader.fill_buf().map_err(|error| LineError { line: 1, problem: error.into() })?;
            let (is_at_end, length) = (more.is_empty(), more.len());
            start.extend_from_slice(more);
            reader.consume(length);
            let header = start.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(start.len());
            let after = start[header..].iter().find(|byte| **byte != b'\r');
            match (start.get(header), after) {
                (Some(b'\r'), Some(b'\n')) | (Some(b'\n'), _) => break b'\n',
                (Some(b'\r'), Some(_)) => break b'\r',
                // Undecided: a reader may give a few bytes at a time.
                (first, _) if is_at_end || start.len() as u64 >= MIB => break *first.unwrap_or(&b'\n'),
                _ => {}
            }
        };
        Ok(Self { reader: Cursor::new(start).chain(reader), end, number: 0, line: String::new() })
    }

    /// Returns the number of the last line, counted from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the last line again.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Returns the next line with what ends it; `None` at the end of the text.
    pub fn next_line(&mut self) -> Result<Option<&str>, LineError> {
        let mut bytes = std::mem::take(&mut self.line).into_bytes();
        bytes.clear();
        self.number += 1;
        let error = |problem| LineError { line: self.number, problem };
        let read = self.reader.by_ref().take(LONGEST as u64 + 1).read_until(self.end, &mut bytes);
        if read.map_err(|cause| error(cause.into()))? == 0 {
            return Ok(None);
        }
        if bytes.len() > LONGEST {
            return Err(error(LineProblem::TooLong));
        } else if self.number == 1 && (bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])) {
            return Err(error(LineProblem::Utf16));
        } else if bytes.contains(&0) {
            return Err(error(LineProblem::ZeroByte));
        } else if self.end == b'\r' && bytes.contains(&b'\n') {
            return Err(error(LineProblem::LineFeed));
        }
        self.line = String::from_utf8(bytes).map_err(|cause| error(LineProblem::NotUtf8(cause.into_bytes())))?;
        Ok(Some(&self.line))
    }
}

/// Returns a line without what ends it.
#[must_use]
pub fn without_end(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line).trim_end_matches('\r')
}
