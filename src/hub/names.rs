//! Which names the hub can have.

/// Whether the hub accepts this as a repository name.
#[must_use]
pub fn is_id(id: &str) -> bool {
    let is_part = |part: &str| {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(letter) && !part.starts_with(['-', '.']) && !part.ends_with(['-', '.'])
    };
    let parts: Vec<&str> = id.split('/').collect();
    id.len() <= 96 && parts.len() <= 2 && parts.into_iter().all(is_part) && !id.contains("--") && !id.contains("..")
}

/// Whether git accepts this as a branch or tag name; it becomes a path in the cache.
#[must_use]
pub fn is_revision(revision: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.to_ascii_lowercase().ends_with(".lock");
    let letter = |letter: char| !letter.is_control() && !" ~^:?*[\\".contains(letter);
    revision.len() <= 200 && revision.chars().all(letter) && !revision.contains("..") && revision.split('/').all(is_part)
}

/// Whether this is the path of a file in a repository, which becomes one in the cache.
#[must_use]
pub fn is_file_path(path: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    path.len() <= 1024 && !path.contains('\0') && path.split('/').all(is_part)
}
