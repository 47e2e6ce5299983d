//! Names of data sets on the hub: `hub:owner/name`, with a revision and the files of a split, or without.

use std::fmt;

use anyhow::{Context, Result, ensure};

use crate::hub::{Repository, is_file_path, is_id, is_revision, unescape};

/// What begins the name of a data set on the hub.
const HUB_PREFIX: &str = "hub:";

/// A data set on the hub, or some of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubData {
    /// `owner/name`.
    pub id: String,
    /// Branch, tag or commit.
    pub revision: Option<String>,
    /// A path in the repository, or a pattern of paths.
    pub files: Option<String>,
}

impl HubData {
    /// Parses a name; `None` if it does not begin with `hub:`.
    ///
    /// A revision ends at the first slash, except `refs/pr/1` and `refs/convert/parquet`; in others a slash is written `%2F`.
    ///
    /// # Errors
    /// It is no name that the hub could have.
    pub fn parse(text: &str) -> Option<Result<Self>> {
        let name = text.strip_prefix(HUB_PREFIX)?;
        Some(Self::parts(name).with_context(|| format!("{text:?} names no data set on the hub")))
    }

    fn parts(name: &str) -> Result<Self> {
        let (owner, rest) =
            name.split_once('/').context("write hub:owner/name, with the owner that the data set's page shows")?;
        let end = rest.find(['/', '@']).unwrap_or(rest.len());
        let (id, rest) = (format!("{owner}/{}", &rest[..end]), &rest[end..]);
        ensure!(is_id(&id), "{id:?} cannot be a repository; write hub:owner/name");
        let (revision, files) = match rest.strip_prefix('@') {
            Some(rest) => {
                let slash = if rest.starts_with("refs/") { 2 } else { 0 };
                let end = rest.match_indices('/').nth(slash).map_or(rest.len(), |(place, _)| place);
                let revision = unescape(&rest[..end]).context("its revision contains invalid escapes")?;
                ensure!(is_revision(&revision), "{revision:?} cannot be a branch, tag or commit");
                (Some(revision), &rest[end..])
            }
            None => (None, rest),
        };
        let files = files.strip_prefix('/').map(|files| {
            ensure!(is_file_path(files), "{files:?} cannot be the path of a file in a repository");
            Ok(files.to_string())
        });
        Ok(Self { id, revision, files: files.transpose()? })
    }

    /// Returns the repository at its revision.
    #[must_use]
    pub fn repository(&self) -> Repository {
        Repository::dataset(&self.id, self.revision.as_deref())
    }

    /// Returns the path of the only file that is named, unless it is a pattern.
    #[must_use]
    pub fn whole_path(&self) -> Option<&str> {
        self.files.as_deref().filter(|files| !files.contains(['*', '?', '[']))
    }

    /// Returns the same data set with these files named.
    #[must_use]
    pub fn with_files(&self, files: &str) -> Self {
        Self { files: Some(files.into()), ..self.clone() }
    }
}

impl fmt::Display for HubData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HUB_PREFIX}{}", self.id)?;
        if let Some(revision) = &self.revision {
            // As it is parsed.
            let is_whole = revision.starts_with("refs/") && revision.matches('/').count() == 2;
            write!(f, "@{}", if is_whole { revision.clone() } else { revision.replace('%', "%25").replace('/', "%2F") })?;
        }
        self.files.as_ref().map_or(Ok(()), |files| write!(f, "/{files}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str, revision: Option<&str>, files: Option<&str>) -> HubData {
        HubData { id: id.into(), revision: revision.map(String::from), files: files.map(String::from) }
    }

    #[test]
    fn a_name_has_a_revision_and_files_or_not() {
        for (text, expected) in [
            ("hub:a/b", name("a/b", None, None)),
            ("hub:a/b@v1.0", name("a/b", Some("v1.0"), None)),
            ("hub:a/b/data/train-*.parquet", name("a/b", None, Some("data/train-*.parquet"))),
            ("hub:a/b@v1/x@2.csv", name("a/b", Some("v1"), Some("x@2.csv"))),
            ("hub:a/b/x@2.csv", name("a/b", None, Some("x@2.csv"))),
            ("hub:a/b@refs/pr/1", name("a/b", Some("refs/pr/1"), None)),
            ("hub:a/b@refs/convert/parquet/c/train/*", name("a/b", Some("refs/convert/parquet"), Some("c/train/*"))),
            ("hub:a/b@feature%2Fx/y.csv", name("a/b", Some("feature/x"), Some("y.csv"))),
        ] {
            let parsed = HubData::parse(text).unwrap().unwrap();
            assert_eq!(parsed, expected, "{text}");
            assert_eq!(parsed.to_string(), text);
        }
        assert!(HubData::parse("data/hub:a/b.csv").is_none());
    }

    #[test]
    fn what_no_repository_can_be_called_is_refused() {
        for text in [
            "hub:",
            "hub:glue",
            "hub:/a",
            "hub:a/",
            "hub:a//b",
            "hub:../b",
            "hub:a/b@",
            "hub:a/b@../c",
            "hub:a/b@x y",
            "hub:a/b/",
            "hub:a/b//c.csv",
            "hub:a/b/../../c.csv",
            "hub:a/b/./c.csv",
        ] {
            assert!(HubData::parse(text).unwrap().is_err(), "{text}");
        }
    }
}
