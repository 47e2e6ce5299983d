//! Quoting as in RFC 4180: a field in quotation marks may contain separators, line breaks, and quotation marks written twice.
//!
//! The usual readers accept anything: they drop a single quotation mark within a quoted field, and take the rest of a file as one
//! field if a mark is never closed. Here both are errors, since the text would not be the one that was meant.

use super::lines::without_end;
use super::record::{FieldSpan, MOST_COLUMNS, divide};

/// Finds the fields of one record, line by line.
pub(super) struct QuotedScan {
    separator: u8,
    state: State,
    /// Where the current field begins in the record.
    start: usize,
    is_escaped: bool,
    /// The line of the last quotation mark that opened a field.
    pub opened: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quotation mark within a quoted field, at this place: the end of the field, or the first of two.
    Closed(usize),
}

impl QuotedScan {
    pub fn new(separator: u8) -> Self {
        Self { separator, state: State::FieldStart, start: 0, is_escaped: false, opened: 0 }
    }

    /// Scans the record's next line, which begins at `offset` in the record; returns whether the record is complete.
    ///
    /// # Errors
    /// Text follows the quotation mark that closes a field.
    pub fn scan(&mut self, line: &str, offset: usize, number: u64, fields: &mut Vec<FieldSpan>) -> Result<bool, String> {
        let content = without_end(line);
        if self.state == State::FieldStart && !content.contains('"') {
            divide(content, self.separator, offset, fields);
            return Ok(true);
        }
        for (place, byte) in (offset..).zip(content.bytes()) {
            let is_separator = byte == self.separator;
            self.state = match self.state {
                State::FieldStart if byte == b'"' => {
                    (self.start, self.is_escaped, self.opened) = (place + 1, false, number);
                    State::Quoted
                }
                State::FieldStart | State::Unquoted if is_separator => self.end_field(place, place + 1, fields),
                State::FieldStart | State::Unquoted => State::Unquoted,
                State::Quoted if byte == b'"' => State::Closed(place),
                State::Quoted => State::Quoted,
                State::Closed(_) if byte == b'"' => {
                    self.is_escaped = true;
                    State::Quoted
                }
                State::Closed(end) if is_separator => self.end_field(end, place + 1, fields),
                State::Closed(_) => {
                    return Err("text follows the quotation mark that closes a field; within a quoted field, write quotation \
                                marks twice (\"\")"
                        .into());
                }
            };
        }
        match self.state {
            State::Quoted => return Ok(false),
            State::Closed(end) => self.end_field(end, 0, fields),
            State::FieldStart | State::Unquoted => self.end_field(offset + content.len(), 0, fields),
        };
        Ok(true)
    }

    fn end_field(&mut self, end: usize, next: usize, fields: &mut Vec<FieldSpan>) -> State {
        if fields.len() <= MOST_COLUMNS {
            fields.push(FieldSpan { start: self.start, end, is_escaped: self.is_escaped });
        }
        (self.start, self.is_escaped) = (next, false);
        State::FieldStart
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use crate::table::record::TextRecord;

    /// Returns the records of a text.
    fn read(text: &str) -> Result<Vec<Vec<String>>, String> {
        let mut rows = Vec::new();
        let mut lines = text.split_inclusive('\n');
        while let Some(line) = lines.next() {
            let mut record = TextRecord::default();
            record.begin(line, 1);
            let (mut scan, mut start) = (QuotedScan::new(b','), 0);
            while !scan.scan(&record.text[start..], start, 1, &mut record.fields)? {
                start = record.text.len();
                record.text.push_str(lines.next().ok_or("not closed")?);
            }
            rows.push((0..record.fields.len()).map(|field| record.field(field).into_owned()).collect());
        }
        Ok(rows)
    }

    /// The csv crate writes tables of random pieces with a meaning in CSV.
    #[test]
    fn what_the_csv_crate_writes_is_read_back() {
        const PIECES: [&str; 8] = ["", "a", "é", "\"", ",", "\n", "\r\n", " "];
        let draws = Stream::new(1, Purpose::Order, 0, 0);
        let mut index = 0;
        let mut next = |bound: u64| {
            index += 1;
            draws.below(index, bound) as usize
        };
        for _ in 0..2000 {
            let (height, width) = (1 + next(3), 2 + next(3));
            let mut cell = || (0..next(5)).map(|_| PIECES[next(8)]).collect::<String>();
            let table: Vec<Vec<String>> = (0..height).map(|_| (0..width).map(|_| cell()).collect()).collect();
            for style in [csv::QuoteStyle::Necessary, csv::QuoteStyle::Always] {
                let mut writer = csv::WriterBuilder::new();
                let mut writer = writer.quote_style(style).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
                for row in &table {
                    writer.write_record(row).unwrap();
                }
                let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
                assert_eq!(read(&text).unwrap(), table, "{text:?}");
            }
        }
    }

    #[test]
    fn quotation_marks_within_unquoted_fields_are_text() {
        assert_eq!(read("a \"b\", c\n").unwrap(), [["a \"b\"", " c"]]);
        assert_eq!(read("\"\",\n").unwrap(), [["", ""]]);
        for text in ["\"a\"b,c\n", "\"a\" ,c\n", "\"a\n"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
