//! The Hugging Face hub, through a cache that is shared with Python's `huggingface_hub`.
//!
//! Nothing that a server says is believed where it matters: names become paths only when they are plain, files get
//! their name only when size and hash are what was announced, and the token is told to the hub's own host alone.

mod agents;
mod announced;
mod cache;
mod client;
mod content;
mod download;
mod environment;
mod error;
mod forward;
mod lock;
mod paths;
mod proxy;
mod snapshot;
mod url;
mod variables;

use std::cell::Cell;
use std::sync::OnceLock;

use anyhow::Result;
use hf_hub::{Repo, RepoType};

use cache::RepositoryCache;
use client::{Client, Patience};
use environment::HubEnvironment;
use snapshot::{FileOnHub, Reach};

pub use content::Commit;
pub use error::{Fault, HubError};
pub use paths::{expand_home, tidy};
pub use snapshot::Snapshot;
pub use url::{Scheme, Url, escape, unescape};

/// A repository at a revision.
#[derive(Clone, Debug)]
pub struct Repository {
    id: String,
    kind: RepoType,
    revision: String,
}

impl Repository {
    /// A model repository.
    #[must_use]
    pub fn model(id: &str, revision: Option<&str>) -> Self {
        Self { id: id.into(), kind: RepoType::Model, revision: revision.unwrap_or("main").into() }
    }

    /// A data set repository.
    #[must_use]
    pub fn dataset(id: &str) -> Self {
        Self { id: id.into(), kind: RepoType::Dataset, revision: "main".into() }
    }

    fn repo(&self) -> Repo {
        Repo::with_revision(self.id.clone(), self.kind, self.revision.clone())
    }

    /// Below the hub's address.
    fn path(&self) -> String {
        match self.kind {
            RepoType::Model => self.id.clone(),
            RepoType::Dataset => format!("datasets/{}", self.id),
            RepoType::Space => format!("spaces/{}", self.id),
        }
    }
}

/// What was made of the files of one commit.
#[derive(Clone, Debug)]
pub struct Gathered<T> {
    pub value: T,
    /// The repository.
    pub id: String,
    pub commit: Commit,
    /// What people should know of how it came about.
    pub remark: Option<String>,
}

/// Access to the hub as the environment sets it up.
#[derive(Debug)]
pub struct Hub {
    environment: HubEnvironment,
    /// Cache only, whatever the environment says.
    only_cache: bool,
    progress: bool,
    client: OnceLock<Result<Client, HubError>>,
}

impl Hub {
    /// Honors the environment as Python's client does; docs/hub.md lists the variables.
    #[must_use]
    pub fn from_env(progress: bool) -> Self {
        Self { environment: HubEnvironment::of_process(), only_cache: false, progress, client: OnceLock::new() }
    }

    /// Only what is cached.
    #[must_use]
    pub fn offline() -> Self {
        let hub = Self::from_env(false);
        Self { only_cache: true, ..hub }
    }

    /// The variable that forbids the network, or a word for it.
    fn offline_by(&self) -> Option<&'static str> {
        self.environment.offline.or(self.only_cache.then_some("this command"))
    }

    /// The host of the hub, where its address can be read.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.environment.endpoint.as_ref().ok().map(|endpoint| endpoint.url.host.as_str())
    }

    /// Makes something of files that all come from one commit of a repository.
    ///
    /// `make` asks the snapshot for files, and may do so several times: first in the cache, where it is done if
    /// everything is known there; then with the hub's help. `probes` are files of which every revision should have
    /// one; the first of them tells which commit a branch or tag is.
    pub fn gather<T>(
        &self,
        repository: &Repository,
        probes: &[&str],
        make: impl Fn(&Snapshot<'_>) -> Result<T>,
    ) -> Result<Gathered<T>> {
        let cache = RepositoryCache::of(&self.environment.cache, &repository.repo());
        let snapshot = |commit: &Commit, reach| Snapshot {
            hub: self,
            repository,
            cache: cache.clone(),
            commit: commit.clone(),
            reach,
            guessed: Cell::new(false),
            owed: Cell::new(false),
        };
        let exact = Commit::parse(&repository.revision);
        let noted = exact.clone().or_else(|| cache.commit_of(&repository.revision));
        let mut cached = None;
        if let Some(commit) = noted {
            let here = snapshot(&commit, Reach::Cache);
            let made = make(&here);
            let done = |value| Gathered { value, id: repository.id.clone(), commit: commit.clone(), remark: None };
            match made {
                Ok(value) if self.offline_by().is_some() || !here.guessed.get() => return Ok(done(value)),
                Ok(value) => cached = Some(done(value)),
                Err(error) if self.offline_by().is_some() => return Err(error),
                Err(_) => {}
            }
        }
        if self.offline_by().is_some() {
            let file = probes.first().copied().unwrap_or_default();
            return Err(self.not_cached(repository, file, &cache_hint(&cache, repository)).into());
        }
        if let Some(cached) = cached {
            return self.complete(cached, snapshot, make);
        }
        let client = self.client()?;
        let commit = match exact {
            Some(commit) => commit,
            None => resolve(client, repository, probes)?,
        };
        let value = make(&snapshot(&commit, Reach::Hub(client, Patience::Full)))?;
        if repository.revision != commit.as_str() {
            // Only now: what is noted is complete. A cache that cannot be written is asked for again.
            let _ = cache.set_commit(&repository.revision, &commit);
        }
        Ok(Gathered { value, id: repository.id.clone(), commit, remark: None })
    }

    /// Asks whether the files exist that are not in the cache: worth a question, not worth a failure.
    fn complete<'a, T>(
        &'a self,
        cached: Gathered<T>,
        snapshot: impl Fn(&Commit, Reach<'a>) -> Snapshot<'a>,
        make: impl Fn(&Snapshot<'_>) -> Result<T>,
    ) -> Result<Gathered<T>> {
        let failure = match self.client() {
            Ok(client) => {
                let here = snapshot(&cached.commit, Reach::Hub(client, Patience::Brief));
                match make(&here) {
                    Ok(value) => return Ok(Gathered { value, ..cached }),
                    // What is known to exist must not be left out.
                    Err(error) if here.owed.get() => return Err(error),
                    Err(error) => error,
                }
            }
            Err(error) => error.into(),
        };
        let Some(failure) = failure.downcast_ref::<HubError>() else { return Err(failure) };
        let remark = format!(
            "{}: using commit {} from the cache, because the hub cannot be reached ({failure})",
            cached.id,
            cached.commit.as_str()
        );
        say(&format!("warning: {remark}"));
        Ok(Gathered { remark: Some(remark), ..cached })
    }

    fn client(&self) -> Result<&Client, HubError> {
        self.client.get_or_init(|| Client::new(&self.environment)).as_ref().map_err(Clone::clone)
    }

    fn not_cached(&self, repository: &Repository, file: &str, hint: &str) -> HubError {
        HubError::Offline {
            id: repository.id.clone(),
            file: file.into(),
            cache: self.environment.cache.clone(),
            variable: self.offline_by().unwrap_or("this command"),
            hint: hint.into(),
        }
    }

    fn draws(&self) -> bool {
        self.progress && self.environment.bars && crate::terminal::draws_bars()
    }
}

/// Which commit a branch or tag is now.
fn resolve(client: &Client, repository: &Repository, probes: &[&str]) -> Result<Commit, HubError> {
    for probe in probes {
        match repository.look(client, Patience::Full, &repository.revision, probe, &say)? {
            FileOnHub::Here(announced) => return Ok(announced.commit),
            FileOnHub::Absent(Some(commit)) => return Ok(commit),
            FileOnHub::Absent(None) => {}
        }
    }
    let file = probes.first().copied().unwrap_or_default();
    Err(repository.not_found(client, file, "; check the spelling, or write ./name for a folder".into()))
}

/// Tells people what takes time, or did not go as it should.
fn say(line: &str) {
    crate::terminal::complain(line);
}

/// What the cache holds of a repository instead of the wanted revision.
fn cache_hint(cache: &RepositoryCache, repository: &Repository) -> String {
    let commits = cache.commits();
    match commits.as_slice() {
        [] => String::new(),
        [one] => format!("; the cache holds commit {0}: write {1}@{0}", one.as_str(), repository.id),
        [first, ..] => format!(
            "; the cache holds {} commits of it, such as {1}: write {2}@{1}",
            commits.len(),
            first.as_str(),
            repository.id
        ),
    }
}
