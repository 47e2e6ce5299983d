//! Links to run directories.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::machine::relative_path::between;

/// Characters that stay unescaped in a link: RFC 3986's unreserved characters, and slashes.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Returns the relative link to a folder from the page's folder, with symbolic links resolved in both.
#[must_use]
pub fn link(to: &Path, folder: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let way = between(&whole(folder), &whole(to));
    format!("{}/", utf8_percent_encode(&way.to_string_lossy(), KEPT))
}
