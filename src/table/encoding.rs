//! Text as UTF-8, whatever its encoding.
//!
//! UTF-8, and UTF-16 with a byte order mark, are told by the bytes. Any other encoding has to be named: most bytes are text in many.

use std::io::{Error, ErrorKind, Read, Result};

use anyhow::{bail, ensure};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use super::TableInput;
use super::TextEncoding;
use crate::terminal::brief;

/// The encodings that are suggested for bytes that are not UTF-8, the most common first.
const COMMON: [&Encoding; 7] = [
    encoding_rs::WINDOWS_1252,
    encoding_rs::WINDOWS_1250,
    encoding_rs::WINDOWS_1251,
    encoding_rs::SHIFT_JIS,
    encoding_rs::GB18030,
    encoding_rs::EUC_KR,
    encoding_rs::BIG5,
];

/// The most suggestions.
const MOST: usize = 4;

/// Returns text as UTF-8 without its byte order mark; `start` is the first few of its bytes.
pub(super) fn as_utf8<'r>(
    start: &[u8],
    mut bytes: TableInput<'r>,
    named: Option<TextEncoding>,
) -> anyhow::Result<TableInput<'r>> {
    ensure!(
        !start.starts_with(b"\xff\xfe\0\0") && !start.starts_with(b"\0\0\xfe\xff"),
        "the file is UTF-32; convert it to UTF-8"
    );
    let mut encoding = named.map_or(UTF_8, |named| named.0);
    if let Some((marked, length)) = Encoding::for_bom(start) {
        if let Some(named) = named.filter(|named| named.0 != marked) {
            let marked = marked.name().to_lowercase();
            bail!("the file begins with the mark of {marked}, but encoding = \"{}\" is named; leave it out", named.name());
        }
        encoding = marked;
        bytes.read_exact(&mut [0; 3][..length])?;
    }
    Ok(if encoding == UTF_8 { bytes } else { Box::new(Transcoder::new(bytes, encoding)) })
}

/// Reads text of any encoding as UTF-8.
struct Transcoder<'r> {
    bytes: TableInput<'r>,
    decoder: Decoder,
    raw: Box<[u8]>,
    /// The part of `raw` that is not decoded yet.
    waiting: std::ops::Range<usize>,
    text: Vec<u8>,
    /// How much of `text` was given away.
    given: usize,
    is_at_end: bool,
    /// Whether everything is decoded, or the rest cannot be.
    is_done: bool,
    is_malformed: bool,
}

/// The size of a transcoder's two buffers, in bytes.
const BUFFER: usize = 1 << 16;

impl<'r> Transcoder<'r> {
    fn new(bytes: TableInput<'r>, encoding: &'static Encoding) -> Self {
        Self {
            bytes,
            decoder: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; BUFFER].into(),
            waiting: 0..0,
            text: Vec::new(),
            given: 0,
            is_at_end: false,
            is_done: false,
            is_malformed: false,
        }
    }

    fn decode(&mut self) -> Result<()> {
        if self.waiting.is_empty() && !self.is_at_end {
            self.waiting = 0..self.bytes.read(&mut self.raw)?;
            self.is_at_end = self.waiting.is_empty();
        }
        self.text.resize(BUFFER, 0);
        let raw = &self.raw[self.waiting.clone()];
        let (end, read, written) = self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.is_at_end);
        self.waiting.start += read;
        self.text.truncate(written);
        self.given = 0;
        self.is_malformed = matches!(end, DecoderResult::Malformed(..));
        self.is_done = self.is_malformed || end == DecoderResult::InputEmpty && self.is_at_end;
        Ok(())
    }
}

impl Read for Transcoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.given == self.text.len() {
            // The text before what is malformed comes first, so that the reader knows the line.
            if self.is_malformed {
                let name = self.decoder.encoding().name().to_lowercase();
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    format!("the text is not {name}; name another encoding, or repair it"),
                ));
            }
            if self.is_done {
                return Ok(0);
            }
            self.decode()?;
        }
        let read = (&self.text[self.given..]).read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

/// Describes a line that is not UTF-8, and which encodings it may have: how its first foreign word would read.
pub(super) fn not_utf8(line: &[u8]) -> String {
    let at = std::str::from_utf8(line).map_or_else(|error| error.valid_up_to(), str::len);
    let byte = line.get(at).copied().unwrap_or_default();
    let word = word(line, at);
    let mut readings: Vec<(&str, String)> = Vec::new();
    for encoding in COMMON {
        let read = |bytes| encoding.decode_without_bom_handling_and_without_replacement(bytes);
        // Bytes without a meaning read as control characters.
        if let (Some(all), Some(text)) = (read(line), read(word))
            && !all.chars().any(|c| c.is_control() && !c.is_ascii())
            && !readings.iter().any(|(_, known)| *known == *text)
        {
            readings.push((encoding.name(), text.into_owned()));
        }
    }
    let readings = readings.iter().take(MOST).map(|(name, text)| format!("{} (\"{}\")", name.to_lowercase(), brief(text)));
    match readings.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => format!("not UTF-8, from the byte {byte:#04x}; the file is damaged, or not text"),
        fitting => format!("not UTF-8, from the byte {byte:#04x}; name the file's encoding. It may be {fitting}"),
    }
}

/// Returns the bytes around a place up to the next that separates words in every encoding.
fn word(line: &[u8], at: usize) -> &[u8] {
    // In encodings of several bytes per character, none but the first is below the digits.
    let separates = |byte: &u8| *byte < b'0';
    let start = line[..at].iter().rposition(separates).map_or(0, |before| before + 1);
    let end = line[at..].iter().position(separates).map_or(line.len(), |length| at + length);
    if end - start <= 80 { &line[start..end] } else { &line[at..end.min(at + 40)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], encoding: Option<&str>) -> std::result::Result<String, String> {
        let named = encoding.map(|label| label.parse().unwrap());
        let mut text = String::new();
        let mut input =
            as_utf8(&bytes[..bytes.len().min(16)], Box::new(bytes.to_vec().leak() as &[u8]), named).map_err(|e| e.to_string())?;
        input.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    /// Expected bytes from Python's `str.encode`.
    #[test]
    fn text_reads_the_same_in_each_encoding() {
        for (bytes, encoding, expected) in [
            (&b"caf\xc3\xa9"[..], None, "café"),
            (b"\xef\xbb\xbfcaf\xc3\xa9", None, "café"),
            (b"\xff\xfec\0a\0f\0\xe9\0", None, "café"),
            (b"\xfe\xff\0c\0a\0f\0\xe9", None, "café"),
            (b"c\0a\0f\0\xe9\0", Some("utf-16le"), "café"),
            (b"caf\xe9", Some("latin1"), "café"),
            (b"\x93\xfa\x96{", Some("shift_jis"), "日本"),
            (b"\xc8\xd5\xb1\xbe", Some("gb18030"), "日本"),
            (b"", Some("windows-1252"), ""),
        ] {
            assert_eq!(read(bytes, encoding).unwrap(), expected, "{encoding:?}");
        }
        // Longer than all buffers, with characters across their ends.
        let long = "aé日".repeat(100_000);
        let utf16: Vec<u8> = std::iter::once(0xfeff).chain(long.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert!(read(&utf16, None).unwrap() == long);
    }

    #[test]
    fn what_is_not_the_named_encoding_is_refused() {
        assert!(read(b"\xff\xfea", None).unwrap_err().contains("not utf-16le"));
        assert!(read(b"a\x81", Some("shift_jis")).unwrap_err().contains("not shift_jis"));
        assert!(read(b"\xef\xbb\xbfa", Some("latin1")).unwrap_err().contains("leave it out"));
        assert!(read(b"\xff\xfe\0\0a\0\0\0", None).unwrap_err().contains("UTF-32"));
    }

    #[test]
    fn encodings_are_suggested_by_how_they_read() {
        let told = not_utf8(b"1,the caf\xe9 here\n");
        assert!(told.contains("0xe9") && told.contains("windows-1252 (\"café\")"), "{told}");
        let told = not_utf8(b"\x93\xfa\x96{,1\n");
        assert!(told.contains("shift_jis (\"日本\")"), "{told}");
        assert!(!not_utf8(&[0x81; 3]).contains("windows-1252"));
        let told = not_utf8(&vec![0xe9; 1 << 20]);
        assert!(told.len() < 1000, "{told}");
    }
}
