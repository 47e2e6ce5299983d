//! The lines of one file of a submission, checked.

use std::borrow::Cow;

use super::flaw::add_in_line;
use super::rows::HEADER;
use super::{Flaw, FlawKind, GlueFile};

/// The UTF-8 byte order mark, which Windows programs write.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the number of rows and all flaws of a file's content, in the order in which they were found.
pub fn checked(file: GlueFile, content: &[u8]) -> (usize, Vec<Flaw>) {
    let mut check = LineCheck { file, rows: 0, next_index: 0, flaws: Vec::new() };
    let content = content.strip_prefix(BYTE_ORDER_MARK).inspect(|_| check.found(1, FlawKind::ByteOrderMark)).unwrap_or(content);
    // The last line may or may not end in a line break.
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
        check.line(number, line);
    }
    if check.rows != file.rows() {
        check.flaws.push(Flaw::of_file(FlawKind::GlueRows { found: check.rows, expected: file.rows() }));
    }
    (check.rows, check.flaws)
}

struct LineCheck {
    file: GlueFile,
    rows: usize,
    /// After a wrong index counting continues from there, so that one missing row is one flaw.
    next_index: usize,
    flaws: Vec<Flaw>,
}

impl LineCheck {
    fn found(&mut self, line: usize, kind: FlawKind) {
        add_in_line(&mut self.flaws, line, kind);
    }

    fn line(&mut self, number: usize, line: &[u8]) {
        let line = line.strip_suffix(b"\r").inspect(|_| self.found(number, FlawKind::CarriageReturn)).unwrap_or(line);
        let line = String::from_utf8_lossy(line);
        if matches!(line, Cow::Owned(_)) {
            self.found(number, FlawKind::NotUtf8);
        }
        if number > 1 {
            self.row(number, &line);
        } else if line.split('\t').next().and_then(index).is_some() {
            self.found(number, FlawKind::NoHeader);
            self.row(number, &line);
        } else if line != HEADER {
            self.found(number, FlawKind::Header(line.into_owned()));
        }
    }

    fn row(&mut self, number: usize, line: &str) {
        if line.is_empty() {
            return self.found(number, FlawKind::EmptyLine);
        }
        self.rows += 1;
        let cells: Vec<&str> = line.split('\t').collect();
        let expected = self.next_index;
        let found = index(cells[0]);
        if found != Some(expected) {
            self.found(number, FlawKind::Index { found: cells[0].into(), expected });
        }
        self.next_index = found.unwrap_or(expected).saturating_add(1);
        match cells.as_slice() {
            [_, value] if self.file.values().allow(value) => {}
            [_, value] => self.found(number, FlawKind::Value { found: (*value).into(), expected: self.file.values() }),
            cells => self.found(number, FlawKind::Columns(cells.len())),
        }
    }
}

/// An index as it has to be written: digits, without blanks, a sign or leading zeros.
fn index(cell: &str) -> Option<usize> {
    cell.parse::<usize>().ok().filter(|index| index.to_string() == cell)
}
