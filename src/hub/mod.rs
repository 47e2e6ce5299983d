//! The Hugging Face hub, through a cache shared with Python's `huggingface_hub`.
//!
//! Servers are not trusted: strings from them become paths only if they are plain names, a file gets its final name only
//! if its size and hash are as announced, and the token is sent only to the hub's own host.

mod agents;
mod announced;
mod cache;
mod client;
mod content;
mod download;
mod environment;
mod error;
mod forward;
mod listing;
mod lock;
mod names;
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
pub use listing::Listing;
pub use names::{is_file_path, is_id, is_revision};
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
    pub fn dataset(id: &str, revision: Option<&str>) -> Self {
        Self { id: id.into(), kind: RepoType::Dataset, revision: revision.unwrap_or("main").into() }
    }

    fn repo(&self) -> Repo {
        Repo::with_revision(self.id.clone(), self.kind, self.revision.clone())
    }

    /// Returns the path below the hub's address.
    fn path(&self) -> String {
        match self.kind {
            RepoType::Model => self.id.clone(),
            RepoType::Dataset => format!("datasets/{}", self.id),
            RepoType::Space => format!("spaces/{}", self.id),
        }
    }
}

/// A value made from the files of one commit.
#[derive(Clone, Debug)]
pub struct Gathered<T> {
    pub value: T,
    /// The repository.
    pub id: String,
    pub commit: Commit,
    /// A note for the user, such as a warning that the hub could not be reached.
    pub remark: Option<String>,
}

/// Access to the hub as configured by the environment.
#[derive(Debug)]
pub struct Hub {
    environment: HubEnvironment,
    /// Use only the cache, whatever the environment says.
    only_cache: bool,
    progress: bool,
    client: OnceLock<Result<Client, HubError>>,
}

impl Hub {
    /// Reads the same environment variables as Python's client; docs/hub.md lists them.
    #[must_use]
    pub fn from_env(progress: bool) -> Self {
        Self { environment: HubEnvironment::of_process(), only_cache: false, progress, client: OnceLock::new() }
    }

    /// Uses only cached files.
    #[must_use]
    pub fn offline() -> Self {
        let hub = Self::from_env(false);
        Self { only_cache: true, ..hub }
    }

    /// Returns the variable that forbids network access, or a phrase to print in its place.
    fn offline_by(&self) -> Option<&'static str> {
        self.environment.offline.or(self.only_cache.then_some("this command"))
    }

    /// Returns the host of the hub, if its address is valid.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.environment.endpoint.as_ref().ok().map(|endpoint| endpoint.url.host.as_str())
    }

    /// Makes a value from files that all come from one commit of a repository.
    ///
    /// `make` requests files from the snapshot and may be called several times: first with the cache only, which
    /// suffices if the cache knows about every requested file, then with access to the hub. `probes` are files of which every
    /// revision should have at least one; the first one found resolves a branch or tag to its commit. Of a data set, the list
    /// of its files does, too.
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
            None => resolve(client, repository, probes, &cache)?,
        };
        let value = make(&snapshot(&commit, Reach::Hub(client, Patience::Full)))?;
        if repository.revision != commit.as_str() {
            // Only now that the snapshot is complete. If the cache is not writable, the hub is asked again next time.
            let _ = cache.set_commit(&repository.revision, &commit);
        }
        Ok(Gathered { value, id: repository.id.clone(), commit, remark: None })
    }

    /// Asks the hub about requested files that the cache does not know; if the hub cannot be reached, the cache's value is kept.
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
                    // A file that is known to exist must not be left out.
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

/// Resolves a branch or tag to its current commit.
fn resolve(client: &Client, repository: &Repository, probes: &[&str], cache: &RepositoryCache) -> Result<Commit, HubError> {
    for probe in probes {
        match repository.look(client, Patience::Full, &repository.revision, probe, &say)? {
            FileOnHub::Here(announced) => return Ok(announced.commit),
            FileOnHub::Absent(Some(commit)) => return Ok(commit),
            FileOnHub::Absent(None) => {}
        }
    }
    let is_model = matches!(repository.kind, RepoType::Model);
    match (is_model, probes.first()) {
        (true, file) => {
            let hint = "; check the spelling, or write ./name for a folder".into();
            Err(repository.not_found(client, file.copied().unwrap_or_default(), hint))
        }
        (false, file) => match (repository.listing(client, Patience::Full, &repository.revision, cache), file) {
            (Err(HubError::NotFound { .. }), Some(file)) => {
                Err(repository.not_found(client, file, "; check the spelling".into()))
            }
            (listed, _) => listed.map(|(_, commit)| commit),
        },
    }
}

/// Prints a line for the user about delays and problems.
fn say(line: &str) {
    crate::terminal::complain(line);
}

/// Describes which commits the cache holds in place of the requested revision.
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
