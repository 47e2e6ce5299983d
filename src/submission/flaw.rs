//! What can be wrong with a file of a submission.

use std::fmt;

use super::Values;
use super::rows::HEADER;
use crate::numbers::{count, counted};
use crate::terminal::brief;

/// How many lines a flaw names.
const NAMED_LINES: usize = 3;

/// One kind of flaw in one file, however many lines have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaw {
    /// What is wrong; in the first of the lines, if it is in lines.
    pub kind: FlawKind,
    /// Where it is; `None` if it is about the whole file.
    pub lines: Option<FlawedLines>,
}

/// The lines with a flaw, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlawedLines {
    /// The first ones, in order.
    pub first: Vec<usize>,
    /// The number of all lines.
    pub count: usize,
}

/// A flaw, with what was found and what was expected.
#[derive(Clone, Debug, PartialEq)]
pub enum FlawKind {
    Missing,
    /// So many times in the zip.
    Repeated(usize),
    /// Under another name in the zip, or in a folder.
    Misplaced {
        found: String,
        expected: &'static str,
    },
    /// Larger than this many MiB, more than anything that could be part of a submission.
    TooLarge(u64),
    /// The zip is damaged, or packed in a way that few programs know.
    Unreadable(String),
    NoHeader,
    Header(String),
    ByteOrderMark,
    CarriageReturn,
    EmptyLine,
    NotUtf8,
    Columns(usize),
    Index {
        found: String,
        expected: usize,
    },
    Value {
        found: String,
        expected: Values,
    },
    GlueRows {
        found: usize,
        expected: usize,
    },
}

impl Flaw {
    /// A flaw of the whole file.
    #[must_use]
    pub fn of_file(kind: FlawKind) -> Self {
        Self { kind, lines: None }
    }
}

/// Adds a flaw in a line to those of the same kind.
pub fn add_in_line(flaws: &mut Vec<Flaw>, line: usize, kind: FlawKind) {
    let same = |flaw: &&mut Flaw| std::mem::discriminant(&flaw.kind) == std::mem::discriminant(&kind);
    match flaws.iter_mut().find(same).and_then(|flaw| flaw.lines.as_mut()) {
        Some(lines) => {
            lines.count += 1;
            if lines.first.len() < NAMED_LINES {
                lines.first.push(line);
            }
        }
        None => flaws.push(Flaw { kind, lines: Some(FlawedLines { first: vec![line], count: 1 }) }),
    }
}

impl fmt::Display for FlawKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let visible = |text: &str| brief(text).replace('\t', "<TAB>");
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Repeated(times) => write!(f, "is in the zip {times} times; the first was checked"),
            Self::Misplaced { found, expected } => {
                write!(f, "lies in the zip as \"{}\", expected \"{expected}\" at its root", brief(found))
            }
            Self::TooLarge(limit) => write!(f, "unpacks to more than {limit} MiB, which no file of a submission has; not read"),
            Self::Unreadable(why) => write!(f, "cannot be unpacked: {why}"),
            Self::NoHeader => write!(f, "the header \"{}\" is missing", visible(HEADER)),
            Self::Header(found) => write!(f, "the header is \"{}\", expected \"{}\"", visible(found), visible(HEADER)),
            Self::ByteOrderMark => f.write_str("begins with a byte order mark (BOM); save as UTF-8 without it"),
            Self::CarriageReturn => f.write_str("ends in CRLF, expected LF alone"),
            Self::EmptyLine => f.write_str("is empty"),
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::Columns(found) => {
                write!(f, "has {}, expected 2, with a tab between them", counted(*found, "column", "columns"))
            }
            Self::Index { found, expected } => write!(f, "the index is \"{}\", expected {expected}", brief(found)),
            Self::Value { found, expected } => {
                write!(f, "the prediction is \"{}\", expected {}", brief(found), expected.described())
            }
            Self::GlueRows { found, expected } => {
                write!(f, "has {}, expected {}", counted(*found, "row", "rows"), count(*expected as u64))
            }
        }
    }
}

impl fmt::Display for FlawedLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: Vec<String> = self.first.iter().map(|line| count(*line as u64)).collect();
        write!(f, "{}", first.join(" "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {} more", count(more as u64)),
        }
    }
}
