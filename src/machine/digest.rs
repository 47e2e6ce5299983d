//! SHA-256, and how it is written.

use std::path::PathBuf;

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::machine::input_file::HashingReader;

/// Two hexadecimal digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// SHA-256 of a file, in hexadecimal; of several files, that of one after the other.
///
/// # Errors
/// A file cannot be read.
pub fn sha256(paths: &[PathBuf]) -> Result<String> {
    let mut hasher = Sha256::new();
    for path in paths {
        hasher = HashingReader::continuing(path, hasher)?.hasher()?;
    }
    Ok(hex(&hasher.finalize()))
}
