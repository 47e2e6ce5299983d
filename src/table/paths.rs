//! The files that a list of paths and patterns names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use glob::{MatchOptions, Pattern};

/// Hidden files are matched only by name, as in a shell.
pub const AS_IN_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Returns the files that paths and patterns (`*`, `?`, `[…]`, `**`) name, relative to `folder`: in the order of the list, and those
/// of a pattern by name.
///
/// # Errors
/// Something does not exist, is a directory, or is named twice; a pattern is invalid or matches nothing.
pub fn paths(patterns: &[String], folder: &Path) -> Result<Vec<PathBuf>> {
    ensure!(!patterns.is_empty(), "no file is named");
    let mut found: Vec<PathBuf> = Vec::new();
    let mut names: HashMap<PathBuf, &str> = HashMap::new();
    for pattern in patterns {
        ensure!(!pattern.is_empty(), "the name of a file is empty");
        for path in matches(pattern, folder)? {
            let what = if path.display().to_string() == *pattern { String::new() } else { format!(", of \"{pattern}\",") };
            ensure!(!path.is_dir(), "{}{what} is a directory; name its files, such as \"{pattern}/*.csv\"", path.display());
            let same = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
            if let Some(before) = names.insert(same, pattern) {
                bail!("{} is named twice, by \"{before}\" and \"{pattern}\"; its rows would count twice", path.display());
            }
            found.push(path);
        }
    }
    Ok(found)
}

fn matches(pattern: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    let path = folder.join(pattern);
    // A file's own name may look like a pattern.
    if path.symlink_metadata().is_ok() {
        return Ok(vec![path]);
    }
    ensure!(pattern.contains(['*', '?', '[']), "there is no file {}", path.display());
    let folder = Pattern::escape(&folder.to_string_lossy());
    let whole = Path::new(&folder).join(pattern).to_string_lossy().into_owned();
    let found = glob::glob_with(&whole, AS_IN_A_SHELL).with_context(|| format!("\"{pattern}\" is not a valid pattern"))?;
    let mut found = found.collect::<Result<Vec<_>, _>>().with_context(|| format!("cannot look for \"{pattern}\""))?;
    found.sort();
    ensure!(!found.is_empty(), "no file matches {}", path.display());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str], folder: &Path) -> Result<Vec<String>, String> {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let found = paths(&patterns, folder).map_err(|error| format!("{error:#}"))?;
        Ok(found.iter().map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect())
    }

    #[test]
    fn lists_and_patterns_name_files_in_order() {
        let temporary = tempfile::tempdir().unwrap();
        // A folder whose name looks like a pattern.
        let folder = temporary.path().join("[ab]*");
        std::fs::create_dir_all(folder.join("more")).unwrap();
        for name in ["b.csv", "a.csv", "c.tsv", ".hidden.csv", "more/d.csv", "x[1].csv"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(names(&["c.tsv", "[a-b].csv"], &folder).unwrap(), ["c.tsv", "a.csv", "b.csv"]);
        assert_eq!(names(&["*/*.csv", "x[1].csv"], &folder).unwrap(), ["more/d.csv", "x[1].csv"]);
        assert_eq!(names(&["**/?.csv"], &folder).unwrap(), ["a.csv", "b.csv", "more/d.csv"]);
        let absolute = folder.join("a.csv").display().to_string();
        assert_eq!(paths(&[absolute], Path::new("/nowhere")).unwrap(), [folder.join("a.csv")]);
    }

    #[test]
    fn what_names_no_file_or_one_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("a.csv"), "").unwrap();
        std::os::unix::fs::symlink("a.csv", folder.path().join("b.csv")).unwrap();
        for (patterns, expected) in [
            (&["x.csv"][..], "there is no file "),
            (&["*.json"], "no file matches "),
            (&["[.csv"], "not a valid pattern"),
            (&["data"], "is a directory"),
            (&["d*"], "of \"d*\", is a directory"),
            (&["a.csv", "*.csv"], "named twice, by \"a.csv\" and \"*.csv\""),
            (&["./a.csv", "b.csv"], "named twice"),
            (&[], "no file is named"),
            (&[""], "is empty"),
        ] {
            let problem = names(patterns, folder.path()).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
