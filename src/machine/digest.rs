//! Formatting of hashes.

use data_encoding::HEXLOWER;

/// Formats each byte as two lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
