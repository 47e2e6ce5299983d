//! The files of one commit of a repository.

use std::cell::Cell;
use std::path::PathBuf;

use super::announced::Announced;
use super::cache::{Cached, RepositoryCache};
use super::client::{Answer, Client, Patience, Request};
use super::content::Commit;
use super::download::Download;
use super::error::{Fault, HubError};
use super::url::escape;
use super::{Hub, Repository};

/// The files of one commit, in the cache or on the hub.
pub struct Snapshot<'a> {
    pub(super) hub: &'a Hub,
    pub(super) repository: &'a Repository,
    pub(super) cache: RepositoryCache,
    pub(super) commit: Commit,
    pub(super) reach: Reach<'a>,
    /// Whether a file was requested about which the cache knows nothing.
    pub(super) guessed: Cell<bool>,
    /// Whether a file exists on the hub but could not be obtained.
    pub(super) owed: Cell<bool>,
}

/// Where files may come from.
#[derive(Clone, Copy)]
pub(super) enum Reach<'a> {
    /// Only the cache; files that are not in it count as absent.
    Cache,
    /// The cache, and the hub for files that the cache does not know.
    Hub(&'a Client, Patience),
}

/// The hub's response about a file.
pub(super) enum FileOnHub {
    Here(Announced),
    /// This commit has no such file; with the commit, if the response names it.
    Absent(Option<Commit>),
}

impl Snapshot<'_> {
    /// Returns the path of a file, or `None` if this commit does not have it.
    pub fn find(&self, file: &str) -> Result<Option<PathBuf>, HubError> {
        let known = self.cache.known(&self.commit, file);
        match (known, self.reach) {
            (Cached::Here(path), _) => Ok(Some(path)),
            (Cached::Absent, _) => Ok(None),
            (_, Reach::Hub(client, patience)) => self.download(client, patience, file),
            (Cached::Damaged(path), Reach::Cache) => Err(HubError::Damaged { path: path.canonicalize().unwrap_or(path) }),
            (Cached::Unknown, Reach::Cache) => {
                self.guessed.set(true);
                Ok(None)
            }
        }
    }

    /// Returns the first of several files that exists.
    pub fn first_of(&self, files: &[&str]) -> Result<PathBuf, HubError> {
        for file in files {
            if let Some(path) = self.find(file)? {
                return Ok(path);
            }
        }
        let names = match files {
            [one] => (*one).to_string(),
            [others @ .., last] => format!("{} or {last}", others.join(", ")),
            [] => String::new(),
        };
        Err(self.missing(&names))
    }

    /// Returns the error for a missing file.
    #[must_use]
    pub fn missing(&self, names: &str) -> HubError {
        match self.reach {
            Reach::Hub(client, _) => self.repository.not_found(client, names, self.other_weights()),
            Reach::Cache => {
                self.hub.not_cached(self.repository, names, &format!("; commit {} is there, without it", self.commit.as_str()))
            }
        }
    }

    /// Returns a hint if the repository has weights only for another library.
    fn other_weights(&self) -> String {
        let others = [("tf_model.h5", "TensorFlow"), ("flax_model.msgpack", "Flax"), ("model.onnx", "ONNX")];
        let Reach::Hub(client, patience) = self.reach else { return String::new() };
        let there = |file: &str| {
            let found = self.repository.look(client, patience, self.commit.as_str(), file, &|_| {});
            matches!(found, Ok(FileOnHub::Here(_)))
        };
        let other = others.into_iter().find(|(file, _)| there(file));
        other.map_or_else(String::new, |(file, library)| {
            format!("; it has weights for {library} alone ({file}), which transformers can convert (from_tf, from_flax)")
        })
    }

    fn download(&self, client: &Client, patience: Patience, file: &str) -> Result<Option<PathBuf>, HubError> {
        let repository = self.repository;
        let failed = |fault: Fault| repository.failed(client, file, fault);
        let announced = match repository.look(client, patience, self.commit.as_str(), file, &super::say)? {
            FileOnHub::Here(announced) => announced,
            FileOnHub::Absent(_) => {
                self.cache.set_absent(&self.commit, file);
                return Ok(None);
            }
        };
        self.owed.set(true);
        if announced.commit != self.commit {
            return Err(failed(Fault::NotHub("the hub answered with another commit than was requested".into())));
        }
        let url = repository.address(client, self.commit.as_str(), file);
        let bar = self.hub.draws();
        let name = format!("{}/{file}", repository.id);
        let content = &announced.content;
        let download = Download { client, cache: &self.cache, name: &name, url: &url, content, bar, say: &super::say };
        download.fetch().map_err(failed)?;
        let linked = self.cache.link(&self.commit, file, &content.name);
        self.owed.set(linked.is_err());
        linked.map(Some).map_err(|error| failed(Fault::Disk(self.cache.blob(&content.name), error.to_string())))
    }
}

impl Repository {
    fn address(&self, client: &Client, revision: &str, file: &str) -> super::url::Url {
        let file = file.split('/').map(escape).collect::<Vec<_>>().join("/");
        client.endpoint.url.below(&format!("{}/resolve/{}/{file}", self.path(), escape(revision)))
    }

    /// Requests a file's first byte, whose response describes the whole file.
    pub(super) fn look(
        &self,
        client: &Client,
        patience: Patience,
        revision: &str,
        file: &str,
        say: &dyn Fn(&str),
    ) -> Result<FileOnHub, HubError> {
        let url = self.address(client, revision, file);
        let request = Request { url, range: Some((0, Some(0))), waits: client.first_waits(patience) };
        let failed = |fault| self.failed(client, file, fault);
        let answer = client.ask(&request, patience, say).map_err(failed)?;
        match answer.status {
            200 | 206 | 416 => Announced::read(&answer).map(FileOnHub::Here).map_err(failed),
            404 | 410 => self.absent(client, &answer, file),
            status @ (401 | 403) => Err(self.refused(client, &answer, status)),
            status => Err(failed(Fault::Status(status, None))),
        }
    }

    pub(super) fn absent(&self, client: &Client, answer: &Answer, file: &str) -> Result<FileOnHub, HubError> {
        match answer.header("x-error-code") {
            Some("RepoNotFound") => Err(self.not_found(client, file, "; there is no such repository, or it is private".into())),
            Some("RevisionNotFound") => Err(self.not_found(client, file, "; it has no such branch, tag or commit".into())),
            _ => Ok(FileOnHub::Absent(answer.header("x-repo-commit").and_then(Commit::parse))),
        }
    }

    pub(super) fn refused(&self, client: &Client, answer: &Answer, status: u16) -> HubError {
        let gated = answer.header("x-error-code") == Some("GatedRepo");
        let hint = match (client.endpoint.authorization.is_some(), status) {
            (false, _) if gated => "its owner requires that terms be accepted: accept them on its page, then set HF_TOKEN",
            (false, _) => "the name may be misspelled, or the repository private: then set HF_TOKEN",
            (true, 401) => "the token in HF_TOKEN is not accepted, or the name is misspelled",
            (true, _) => "the token is valid but has no access; accept the repository's terms on its page",
        };
        HubError::Refused { endpoint: client.endpoint.url.to_string(), id: self.id.clone(), status, hint }
    }

    pub(super) fn not_found(&self, client: &Client, file: &str, hint: String) -> HubError {
        HubError::NotFound {
            endpoint: client.endpoint.url.to_string(),
            id: self.id.clone(),
            revision: self.revision.clone(),
            file: file.into(),
            hint,
        }
    }

    pub(super) fn failed(&self, client: &Client, file: &str, fault: Fault) -> HubError {
        match fault {
            Fault::Disk(path, reason) => HubError::Cache { path, reason },
            fault => {
                HubError::Failed { endpoint: client.endpoint.url.to_string(), id: self.id.clone(), file: file.into(), fault }
            }
        }
    }
}
