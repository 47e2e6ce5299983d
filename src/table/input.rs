//! A table's bytes: what they are by their first few, decompressed and as UTF-8.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, bail};

use super::compression::Decompressor;
use super::encoding::as_utf8;
use super::{Compression, TableInput, TextEncoding};

/// The number of bytes that tell what a file is.
const START: u64 = 16;

/// What a file is whose content is no text, and what to do about it, by its first bytes.
const SIGNATURES: [(&[u8], &str); 8] = [
    (b"\x1f\x8b", "this is compressed with gzip; its name has to end in .gz"),
    (b"\x28\xb5\x2f\xfd", "this is compressed with zstd; its name has to end in .zst"),
    (b"BZh91AY&SY", "this is compressed with bzip2, which is not supported; decompress it"),
    (b"\xfd7zXZ\0", "this is compressed with xz, which is not supported; decompress it"),
    (b"PK\x03\x04", "this is a zip archive or an Excel workbook; extract the table, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is an Excel workbook; save it as CSV"),
    (b"PAR1\x15", "this is a parquet file; its name has to end in .parquet"),
    (b"ARROW1\0", "this is an Arrow file, which is not supported; write it as parquet"),
];

/// Returns the text in a file as UTF-8 without a byte order mark.
///
/// # Errors
/// It is not compressed as its name says, is no text, or its encoding is not the one that was named. What is not valid further on
/// is an error of the reader.
pub(super) fn text(
    bytes: TableInput<'_>,
    compression: Option<Compression>,
    encoding: Option<TextEncoding>,
) -> Result<TableInput<'_>> {
    let (start, bytes) = peeked(bytes)?;
    let (start, bytes) = match compression {
        None => (start, bytes),
        Some(compression) => {
            if !compression.begins(&start) {
                let what = if start.is_empty() { "is empty" } else { "is not compressed with it" };
                bail!("its name says {}, but the file {what}", compression.name());
            }
            peeked(Box::new(Decompressor::new(bytes, compression)?))?
        }
    };
    if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)) {
        if compression.is_some() {
            let (what, _) = what.split_once(';').unwrap_or((what, ""));
            bail!("once decompressed, {what}, expected a table of text");
        }
        bail!("{what}");
    }
    as_utf8(&start, bytes, encoding)
}

/// Returns the first bytes and a reader of all.
fn peeked(mut bytes: TableInput<'_>) -> Result<(Vec<u8>, TableInput<'_>)> {
    let mut start = Vec::new();
    bytes.by_ref().take(START).read_to_end(&mut start).context("cannot be read")?;
    Ok((start.clone(), Box::new(Cursor::new(start).chain(bytes))))
}
