//! GLUE's own layout: tab-separated, a header, no quoting.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{Example, Task};
use crate::input_file::{HashingReader, MIB};
use crate::shorten::{listed, shortened};

/// Bytes that a line may have: no sentence is as long, and what has no lines is no table.
const LONGEST_LINE: u64 = 4 * MIB;

/// Reads every row of a .tsv file; the reader is at its end then.
///
/// # Errors
/// The file cannot be read, its header lacks a column, or a row does not fit: named by its line.
pub fn read(reader: &mut HashingReader, path: &Path, task: &Task) -> Result<Vec<Example>> {
    rows(reader, task).map_err(|problem| anyhow!("{}, {problem:#}", path.display()))
}

fn rows(reader: &mut impl Read, task: &Task) -> Result<Vec<Example>> {
    let mut lines = Lines::of(reader)?;
    let first = lines.next()?.unwrap_or_default();
    let header: Vec<String> = first.strip_prefix('\u{feff}').unwrap_or(first).split('\t').map(str::to_string).collect();
    let columns = task.columns().iter().map(|column| place(&header, column.tsv, task)).collect::<Result<Vec<_>>>()?;
    let mut examples = Vec::new();
    while let Some(line) = lines.next()? {
        // At the end of many files, and nobody's row anywhere.
        if line.is_empty() {
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let (found, expected) = (fields.len(), header.len());
        let example = if found == expected {
            task.example(&columns.iter().map(|column| fields[*column].to_string()).collect::<Vec<_>>())
        } else {
            Err(format!("the row has {found} columns, the header has {expected}"))
        };
        examples.push(example.map_err(|problem| anyhow!("line {}: {problem}", lines.number))?);
    }
    Ok(examples)
}

/// The lines of a file.
struct Lines<R> {
    reader: BufReader<R>,
    /// A line feed, with or without carriage returns before it; in a file without any, a carriage return.
    end: u8,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: Read> Lines<R> {
    fn of(reader: R) -> Result<Self> {
        let mut reader = BufReader::with_capacity(MIB as usize, reader);
        let start = reader.fill_buf().context("cannot be read")?;
        let header = start.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(start.len());
        let after = start[header..].iter().find(|byte| **byte != b'\r');
        let end = if start.get(header) == Some(&b'\r') && after != Some(&b'\n') { b'\r' } else { b'\n' };
        Ok(Self { reader, end, number: 0, bytes: Vec::new() })
    }

    fn next(&mut self) -> Result<Option<&str>> {
        self.bytes.clear();
        self.number += 1;
        let number = self.number;
        let read = self.reader.by_ref().take(LONGEST_LINE + 1).read_until(self.end, &mut self.bytes);
        if read.context("cannot be read")? == 0 {
            return Ok(None);
        }
        let bytes = &self.bytes;
        let problem = if bytes.len() as u64 > LONGEST_LINE {
            "longer than 4 MiB, as no line of a table is"
        } else if number == 1 && (bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])) {
            "the file is UTF-16, expected UTF-8; convert it, for example with `iconv -f UTF-16 -t UTF-8`"
        } else if bytes.contains(&0) {
            "a zero byte: the file is damaged, or its text is not UTF-8"
        } else if self.end == b'\r' && bytes.contains(&b'\n') {
            "a line feed, while the lines before end in carriage returns"
        } else {
            ""
        };
        ensure!(problem.is_empty(), "line {number}: {problem}");
        let line = std::str::from_utf8(bytes).map_err(|_| anyhow!("line {number}: not UTF-8"))?;
        Ok(Some(line.strip_suffix('\n').unwrap_or(line).trim_end_matches('\r')))
    }
}

/// Where the header has a column.
fn place(header: &[String], column: &str, task: &Task) -> Result<usize> {
    let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(index, _)| index);
    let Some(first) = places.next() else {
        let found: Vec<String> = header.iter().map(|name| format!("\"{}\"", shortened(name))).collect();
        bail!("line 1: {} needs a column \"{column}\", and the header has {}", task.name, listed(&found));
    };
    if let Some(second) = places.next() {
        bail!("line 1: the header has \"{column}\" twice, as columns {} and {}; remove one", first + 1, second + 1);
    }
    Ok(first)
}
