//! Paths as written by users.

use std::path::{Component, Path, PathBuf};

/// Removes the `.` components that joining leaves in a path.
#[must_use]
pub fn tidy(path: &Path) -> PathBuf {
    let tidied: PathBuf = path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
    if tidied.as_os_str().is_empty() { PathBuf::from(".") } else { tidied }
}

/// Replaces a leading `~` with the home folder.
#[must_use]
pub fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
