//! Checkpoint names in experiments: a folder, a hub repository, or the URL of its page.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::hub::{self, Url, is_id, is_revision, unescape};

/// The prefix for using a run's best checkpoint: `run:8c1f3a`.
pub const RUN_PREFIX: &str = "run:";

/// A checkpoint as named in an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointName {
    /// A folder in transformers' layout.
    Folder(PathBuf),
    /// A hub repository, optionally at a revision.
    Hub {
        /// `bert-base-uncased` or `owner/name`.
        id: String,
        /// Branch, tag or commit.
        revision: Option<String>,
    },
}

/// Hosts of hub pages, regardless of which hub endpoint is used.
const HOSTS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];

impl CheckpointName {
    /// Parses a name: a folder if it looks like a path or exists under `folder`, otherwise a hub repository. The URL of a
    /// repository page on `hub` (a host) or on huggingface.co also works.
    ///
    /// # Errors
    /// It is neither, or names something on the hub that is not a checkpoint.
    pub fn parse(text: &str, folder: &Path, hub: Option<&str>) -> Result<Self> {
        let path = folder.join(hub::expand_home(text));
        if !text.contains("://") && path.is_dir() {
            return Ok(Self::Folder(hub::tidy(&path)));
        }
        if let Some(rest) = text.strip_prefix("hf://") {
            return Self::repository(rest.strip_prefix("models/").unwrap_or(rest));
        }
        let first = text.split('/').next().unwrap_or_default();
        let without_scheme = text.contains('/') && HOSTS.contains(&first);
        if text.contains("://") || without_scheme {
            let address = if without_scheme { format!("https://{text}") } else { text.to_string() };
            return Self::page(&address, hub);
        }
        // A revision may contain slashes, as in refs/pr/1.
        let id = text.split_once('@').map_or(text, |(id, _)| id);
        if text.starts_with(['.', '/', '~']) || text.contains('\\') || id.matches('/').count() > 1 {
            return Ok(Self::Folder(hub::tidy(&path)));
        }
        Self::repository(text)
    }

    /// Parses `owner/name` or `name`, with an optional `@revision`.
    fn repository(text: &str) -> Result<Self> {
        let (id, revision) = match text.split_once('@') {
            Some((id, revision)) => (id, Some(revision)),
            None => (text, None),
        };
        if let Some(revision) = revision {
            ensure!(!revision.is_empty(), "{text:?} names no revision after the @; without the @ it is {id}'s main branch");
            ensure!(is_revision(revision), "{revision:?} cannot be a branch, tag or commit");
        }
        ensure!(is_id(id), "{id:?} is neither a folder nor a name that the hub could have; write ./name for a folder");
        Ok(Self::Hub { id: id.to_string(), revision: revision.map(String::from) })
    }

    /// Parses the URL of a repository page.
    fn page(text: &str, hub: Option<&str>) -> Result<Self> {
        let shown = text.split('?').next().unwrap_or_default().escape_debug();
        let known = |url: &Url| HOSTS.contains(&url.host.as_str()) || hub == Some(url.host.as_str());
        let (url, credentials) = Url::parse(text).context("the address of a checkpoint must begin with https:// or hf://")?;
        ensure!(credentials.is_none(), "the address of a checkpoint must not contain a password; put a token in HF_TOKEN");
        ensure!(known(&url), "{shown} is not a page of the hub; name a repository (owner/name) or a folder");
        let path = unescape(url.path.split('?').next().unwrap_or_default()).context("the address contains invalid escapes")?;
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (id, rest) = match parts.as_slice() {
            [] => bail!("{shown} names no repository"),
            [kind @ ("datasets" | "spaces" | "docs" | "collections" | "papers" | "models"), ..] => {
                bail!("{shown} is one of the hub's {kind}, not a checkpoint")
            }
            [name] => ((*name).to_string(), &[][..]),
            [name, "tree" | "blob" | "resolve" | "commit", ..] => ((*name).to_string(), &parts[1..]),
            [owner, name, rest @ ..] => (format!("{owner}/{name}"), rest),
        };
        match rest {
            [] => Self::repository(&id),
            ["tree", "refs", kind, number] => Self::repository(&format!("{id}@refs/{kind}/{number}")),
            ["tree" | "commit", revision] => Self::repository(&format!("{id}@{revision}")),
            ["tree", revision, ..] => {
                bail!("{shown} is a folder inside a repository, which cannot be used; name the repository: {id}@{revision}")
            }
            ["blob" | "resolve", revision, ..] => bail!("{shown} is one file; name the repository: {id}@{revision}"),
            _ => bail!("{shown} is not the page of a checkpoint; name the repository: {id}"),
        }
    }
}

impl fmt::Display for CheckpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Hub { id, revision: Some(revision) } => write!(f, "{id}@{revision}"),
            Self::Hub { id, revision: None } => f.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CheckpointName> {
        CheckpointName::parse(text, Path::new("/nowhere"), Some("hub.example"))
    }

    fn hub(id: &str, revision: Option<&str>) -> CheckpointName {
        CheckpointName::Hub { id: id.into(), revision: revision.map(String::from) }
    }

    #[test]
    fn repositories_have_many_names() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (text, name) in [
            ("bert-base-uncased", hub("bert-base-uncased", None)),
            ("owner/name@v1.0", hub("owner/name", Some("v1.0"))),
            ("owner/name@refs/pr/1", hub("owner/name", Some("refs/pr/1"))),
            ("https://huggingface.co/owner/name", hub("owner/name", None)),
            ("https://huggingface.co/owner/name/", hub("owner/name", None)),
            ("https://huggingface.co/bert-base-uncased", hub("bert-base-uncased", None)),
            ("https://huggingface.co/bert-base-uncased/tree/main", hub("bert-base-uncased", Some("main"))),
            ("https://huggingface.co/owner/name/tree/v2?x=y#readme", hub("owner/name", Some("v2"))),
            ("https://huggingface.co/owner/name/tree/refs%2Fpr%2F1", hub("owner/name", Some("refs/pr/1"))),
            (&format!("https://hf.co/owner/name/commit/{commit}"), hub("owner/name", Some(commit))),
            ("https://hub.example/owner/name", hub("owner/name", None)),
            ("huggingface.co/owner/name", hub("owner/name", None)),
            ("hf://owner/name@v2", hub("owner/name", Some("v2"))),
            ("./owner/name", CheckpointName::Folder("/nowhere/owner/name".into())),
            ("a/b/c", CheckpointName::Folder("/nowhere/a/b/c".into())),
        ] {
            assert_eq!(parse(text).unwrap(), name, "{text}");
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        for text in [
            "owner/name@",
            "owner/name@../../x",
            "owner/name@a b",
            "owner/na me",
            "owner--name",
            "",
            "https://huggingface.co/",
            "https://huggingface.co/datasets/nyu-mll/glue",
            "https://huggingface.co/spaces/a/b",
            "https://huggingface.co/owner/name/blob/main/model.safetensors",
            "https://huggingface.co/owner/name/resolve/main/model.safetensors",
            "https://huggingface.co/owner/name/tree/main/folder",
            "https://huggingface.co/owner/name/discussions/1",
            "https://me:secret@huggingface.co/owner/name",
            "https://example.org/owner/name",
            "ftp://huggingface.co/owner/name",
            "git@hf.co:owner/name",
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
