//! One row of delimited text, as it stands in the file.

use std::borrow::Cow;

/// The limit on the number of columns of a row.
pub(super) const MOST_COLUMNS: usize = 1 << 16;

/// A row's text and where its fields are in it; used for one row after the other.
#[derive(Default)]
pub(super) struct TextRecord {
    /// All lines of the row, with what ends them.
    pub text: String,
    /// The line where the row begins, counted from 1.
    pub line: u64,
    pub fields: Vec<FieldSpan>,
}

/// Where a field is in its record: bytes, without the quotation marks around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldSpan {
    pub start: usize,
    pub end: usize,
    /// Whether quotation marks in it are written twice.
    pub is_escaped: bool,
}

impl TextRecord {
    /// Starts a row with its first line.
    pub fn begin(&mut self, line: &str, number: u64) {
        self.text.clear();
        self.text.push_str(line);
        self.line = number;
        self.fields.clear();
    }

    /// Returns a field as it was meant.
    pub fn field(&self, index: usize) -> Cow<'_, str> {
        let span = self.fields[index];
        let text = &self.text[span.start..span.end];
        if span.is_escaped { text.replace("\"\"", "\"").into() } else { text.into() }
    }
}

/// Divides text without quotation marks at each separator; `offset` is where it stands in its record.
pub(super) fn divide(text: &str, separator: u8, offset: usize, fields: &mut Vec<FieldSpan>) {
    let mut start = 0;
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == separator).map(|(end, _)| end).chain([text.len()]);
    for end in ends.take(MOST_COLUMNS + 1) {
        fields.push(FieldSpan { start: offset + start, end: offset + end, is_escaped: false });
        start = end + 1;
    }
}
