//! Environment variables, as `huggingface_hub` reads them.

use std::ffi::OsString;
use std::path::PathBuf;

/// Looks up environment variables and trims white space around their values.
pub(super) struct Variables<'a> {
    look: &'a dyn Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
}

impl<'a> Variables<'a> {
    pub fn new(look: &'a dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Self {
        Self { look, home }
    }

    /// Returns a variable's value, even if it is empty.
    pub fn set(&self, name: &str) -> Option<String> {
        (self.look)(name).map(|value| value.to_string_lossy().trim().to_string())
    }

    /// Returns a variable's value unless it is empty.
    pub fn get(&self, name: &str) -> Option<String> {
        self.set(name).filter(|value| !value.is_empty())
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| is_true(&value))
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let value = (self.look)(name)?;
        Some(match value.to_str() {
            Some(text) => self.expand(text.trim()),
            // A value that is not UTF-8 is used as it is.
            None => PathBuf::from(value),
        })
    }

    /// Expands a leading `~`, `$NAME` and `${NAME}`; variables that are not set are left as written.
    pub fn expand(&self, text: &str) -> PathBuf {
        let rest = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let text = match (rest, &self.home) {
            (Some(rest), Some(home)) => format!("{}{rest}", home.display().to_string().trim_end_matches('/')),
            _ => text.to_string(),
        };
        let mut expanded = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(after.len());
            let (name, behind) = braced.unwrap_or_else(|| after.split_at(end));
            match (self.look)(name).filter(|_| !name.is_empty()) {
                Some(value) => expanded.push_str(&value.to_string_lossy()),
                None => expanded.push_str(&rest[before.len()..rest.len() - behind.len()]),
            }
            rest = behind;
        }
        PathBuf::from(expanded + rest)
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")
}
