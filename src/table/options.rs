//! What a user may say about a table that its bytes do not tell.

use std::str::FromStr;

use encoding_rs::Encoding;

use super::DataFormat;
use crate::terminal::brief;

/// How to read a table; by default, everything is told by the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// The format, if the file's name does not tell it.
    pub format: Option<DataFormat>,
    /// The encoding of text that is neither UTF-8 nor UTF-16 with a byte order mark.
    pub encoding: Option<TextEncoding>,
    /// What stands between the columns of CSV (by default a comma) and TSV (a tab).
    pub separator: Option<Separator>,
}

/// An encoding by one of the labels of <https://encoding.spec.whatwg.org/#names-and-labels>, such as `windows-1252`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEncoding(pub(super) &'static Encoding);

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(label: &str) -> Result<Self, String> {
        Encoding::for_label_no_replacement(label.as_bytes()).map(Self).ok_or_else(|| {
            format!(
                "\"{}\" is not an encoding; expected a label such as \"utf-8\", \"utf-16le\", \"windows-1252\", \"iso-8859-2\", \
                 \"shift_jis\", \"gb18030\" or \"euc-kr\"",
                brief(label)
            )
        })
    }
}

impl TextEncoding {
    /// Returns the encoding's name in lower case.
    #[must_use]
    pub fn name(self) -> String {
        self.0.name().to_lowercase()
    }
}

/// What stands between two columns: one ASCII character that cannot be part of a quoted or a numeric cell's syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(u8);

impl Separator {
    pub const COMMA: Self = Self(b',');
    pub const TAB: Self = Self(b'\t');

    /// Returns the character.
    #[must_use]
    pub fn byte(self) -> u8 {
        self.0
    }
}

impl FromStr for Separator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            [b'\t'] => Ok(Self::TAB),
            [byte] if byte.is_ascii_punctuation() && *byte != b'"' || *byte == b' ' => Ok(Self(*byte)),
            _ => Err(format!(
                "\"{}\" cannot separate columns; expected one character, such as \",\", \";\", \"|\" or \"\\t\"",
                brief(text)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_meant_is_an_option() {
        for label in ["latin1", "ISO-8859-1", "windows-1252"] {
            assert_eq!(label.parse::<TextEncoding>().unwrap().name(), "windows-1252");
        }
        for label in ["", "utf8mb4", "iso-2022-kr"] {
            assert!(label.parse::<TextEncoding>().is_err(), "{label}");
        }
        assert_eq!(";".parse::<Separator>().unwrap().byte(), b';');
        for text in ["", "\"", "\n", "a", "::", "é"] {
            assert!(text.parse::<Separator>().is_err(), "{text}");
        }
    }
}
