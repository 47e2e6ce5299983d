//! The user's cache folder, for data that can be recomputed.

use std::path::PathBuf;

/// Returns `$XDG_CACHE_HOME/gluepot` or `~/.cache/gluepot`; `None` if neither variable is set.
#[must_use]
pub fn of_user() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(caches.join("gluepot"))
}
