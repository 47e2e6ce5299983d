//! Several files as one table.

use std::path::PathBuf;

use anyhow::{Error, Result};
use sha2::{Digest, Sha256};

use super::{Row, TableError, TableOptions, TableReader};
use crate::machine::digest::hex;
use crate::machine::input_file::HashingReader;

/// What is known of files when all their rows have been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesRead {
    /// SHA-256 of the files' bytes as they are on disk, one file after the other, in hexadecimal.
    pub sha256: String,
    /// The number of rows.
    pub rows: u64,
    /// Notes for the user.
    pub remarks: Vec<String>,
}

/// Reads the rows of all files in order, with the wanted columns, and gives each to `visit`.
///
/// # Errors
/// A file cannot be read, or `visit` refuses a row; the message says which, by file and line.
pub fn read_files(
    paths: &[PathBuf],
    options: &TableOptions,
    wanted: &[&str],
    mut visit: impl FnMut(Row) -> Result<(), String>,
) -> Result<FilesRead> {
    let (mut hasher, mut number, mut remarks) = (Sha256::new(), 0, Vec::new());
    for path in paths {
        let mut reader = HashingReader::continuing(path, hasher)?;
        let mut rows = TableReader::of_file(&mut reader, path, options)?.rows(wanted)?;
        for row in rows.by_ref() {
            let row = row?;
            let place = Some(row.place);
            number += 1;
            visit(row).map_err(|problem| TableError { file: path.display().to_string(), place, problem: Error::msg(problem) })?;
        }
        remarks.extend(rows.remark());
        drop(rows);
        hasher = reader.hasher()?;
    }
    Ok(FilesRead { sha256: hex(&hasher.finalize()), rows: number, remarks })
}
