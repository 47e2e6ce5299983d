//! The folder for what can be made again.

use std::path::PathBuf;

/// The user's: `$XDG_CACHE_HOME/gluepot` or `~/.cache/gluepot`; none where neither can be told.
#[must_use]
pub fn of_user() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(caches.join("gluepot"))
}
