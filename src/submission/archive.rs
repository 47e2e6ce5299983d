//! The zip around the files of a submission.

use std::io::{Cursor, Read, Write};

use anyhow::{Context, Result, ensure};
use zip::read::{Config, ZipFileEntry};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipReadOptions, ZipWriter};

use crate::machine::input_file::MIB;
use crate::numbers::count;

/// The largest file of a zip that is read. QQP's, the largest of a submission, has less than 4 MiB.
pub const LARGEST_FILE: u64 = 16 * MIB;

/// The most entries of a zip that are listed.
const MOST_ENTRIES: usize = 1000;

const DAMAGED: &str = "its list of files is damaged";

/// Packs files in this order. The bytes depend on nothing but the files: there is no date, and zlib-rs compresses alike on every
/// processor.
pub fn packed(files: impl Iterator<Item = (&'static str, String)>) -> Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(name, options).with_context(|| format!("cannot pack {name}"))?;
        writer.write_all(text.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}

/// A file in a zip, not read yet.
pub struct PackedFile {
    entry: ZipFileEntry<'static>,
    /// With the folders in it.
    pub name: String,
}

/// Lists the files of a zip in order, without folders. A name that occurs twice is listed twice, unlike by `zip::ZipArchive`.
///
/// # Errors
/// The bytes are not a zip, or one of more than 1,000 entries.
pub fn listed(bytes: &[u8]) -> Result<Vec<PackedFile>> {
    let zip = ZipIterable::try_new(Cursor::new(bytes), Config::default()).ok();
    let mut zip = zip.context("it is not a zip file, or its end is missing")?;
    ensure!(zip.len() <= MOST_ENTRIES, "it holds {} files, and a submission has 11", count(zip.len() as u64));
    let mut files = Vec::new();
    for entry in zip.files().context(DAMAGED)? {
        let entry = entry.context(DAMAGED)?;
        if !entry.is_dir() {
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            files.push(PackedFile { entry, name });
        }
    }
    Ok(files)
}

/// Why a file in a zip cannot be read.
pub enum Unread {
    /// It is larger than [`LARGEST_FILE`], whatever the zip says of its size.
    TooLarge,
    Damaged(ZipError),
}

impl PackedFile {
    /// Unpacks the file, from the bytes of the zip that it was listed in.
    pub fn read(self, bytes: &[u8]) -> Result<Vec<u8>, Unread> {
        let mut cursor = Cursor::new(bytes);
        let mut file = self.entry.with_reader(&mut cursor, ZipReadOptions::new()).map_err(Unread::Damaged)?;
        let mut content = Vec::new();
        let read = file.by_ref().take(LARGEST_FILE + 1).read_to_end(&mut content);
        // What is too large is that first, and need not be read to its end.
        if content.len() as u64 > LARGEST_FILE {
            return Err(Unread::TooLarge);
        }
        read.map_err(|error| Unread::Damaged(ZipError::Io(error)))?;
        Ok(content)
    }
}
