//! The Hugging Face hub, through a cache that is shared with Python's `huggingface_hub`.

use std::env;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, anyhow};
use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};

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
}

/// Why a file of the hub could not be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The hub has no such repository, revision or file.
    #[error("the hub at {endpoint} has no {file} in {id} at revision {revision}{hint}")]
    NotFound {
        /// Asked hub.
        endpoint: String,
        /// Repository.
        id: String,
        /// Revision.
        revision: String,
        /// File.
        file: String,
        /// What to check.
        hint: &'static str,
    },
    /// The hub wants a token, or another one.
    #[error("the hub at {endpoint} refuses access to {id} ({status}): {hint}")]
    Refused {
        /// Asked hub.
        endpoint: String,
        /// Repository.
        id: String,
        /// HTTP status.
        status: u16,
        /// What to do.
        hint: &'static str,
    },
    /// `HF_HUB_OFFLINE` is set and the file is not cached.
    #[error("{id} ({file}) is not in the cache {cache}, and HF_HUB_OFFLINE forbids to download it")]
    Offline {
        /// Repository.
        id: String,
        /// File.
        file: String,
        /// Looked-through cache.
        cache: PathBuf,
    },
    /// The connection or the disk failed.
    #[error("cannot download {file} of {id} from {endpoint}: {reason}; without a network, name a folder such as ./{id}")]
    Failed {
        /// Asked hub.
        endpoint: String,
        /// Repository.
        id: String,
        /// File.
        file: String,
        /// What went wrong, without the request's headers.
        reason: String,
    },
}

/// Access to the hub as the environment sets it up.
#[derive(Debug)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    token: Option<String>,
    offline: bool,
    progress: bool,
}

/// Paths of files in the cache.
#[derive(Clone, Debug)]
pub struct FoundFiles {
    /// One for each required group, in order.
    pub required: Vec<PathBuf>,
    /// The optional ones that exist.
    pub optional: Vec<PathBuf>,
}

/// How often a broken-off download is taken up again.
const RETRIES: usize = 5;

impl Hub {
    /// Honours `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_HUB_OFFLINE`, as Python's client does.
    #[must_use]
    pub fn from_env(progress: bool) -> Self {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let cache = variable("HF_HUB_CACHE").map_or_else(|| Cache::from_env().path().clone(), |path| expand_home(&path));
        let truthy = |value: String| matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE");
        let token = variable("HF_TOKEN").or_else(|| variable("HUGGING_FACE_HUB_TOKEN"));
        Self {
            endpoint: variable("HF_ENDPOINT")
                .unwrap_or_else(|| "https://huggingface.co".into())
                .trim_end_matches('/')
                .to_string(),
            token: token.map(|token| token.trim().to_string()).or_else(|| Cache::new(cache.clone()).token()),
            cache,
            offline: variable("HF_HUB_OFFLINE").is_some_and(truthy),
            progress,
        }
    }

    /// Only what is cached.
    #[must_use]
    pub fn offline() -> Self {
        Self { offline: true, ..Self::from_env(false) }
    }

    /// The path of a file, downloaded where it is not cached.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn file(&self, repository: &Repository, file: &str) -> Result<PathBuf, HubError> {
        if let Some(path) = self.cached(repository, file) {
            return Ok(path);
        }
        if self.offline {
            return Err(HubError::Offline { id: repository.id.clone(), file: file.into(), cache: self.cache.clone() });
        }
        let failed = |error: ApiError| self.explain(&error, repository, file);
        let api = self.api().map_err(failed)?;
        api.repo(repository.repo()).download(file).map_err(failed)
    }

    /// The files that an experiment needs of a repository, and the optional ones that are there.
    ///
    /// Of each group of `required` the first that exists is taken. Where all of those are cached, the
    /// network is not asked for the optional ones either.
    ///
    /// # Errors
    /// A required file cannot be had.
    pub fn files(&self, repository: &Repository, required: &[&[&str]], optional: &[&str]) -> Result<FoundFiles> {
        let first_cached = |group: &&[&str]| group.iter().find_map(|file| self.cached(repository, file));
        if let Some(required) = required.iter().map(first_cached).collect::<Option<Vec<_>>>() {
            let optional = optional.iter().filter_map(|file| self.cached(repository, file)).collect();
            return Ok(FoundFiles { required, optional });
        }
        // The optional files come before the last required one, so that what looks complete later is complete.
        let mut paths = Vec::new();
        let mut found = Vec::new();
        for (index, group) in required.iter().enumerate() {
            if index + 1 == required.len() {
                for file in optional {
                    found.extend(self.optional_file(repository, file)?);
                }
            }
            paths.push(self.first_of(repository, group)?);
        }
        Ok(FoundFiles { required: paths, optional: found })
    }

    fn first_of(&self, repository: &Repository, files: &[&str]) -> Result<PathBuf> {
        let (last, others) = files.split_last().ok_or_else(|| anyhow!("no file asked for"))?;
        for file in others {
            if let Some(path) = self.optional_file(repository, file)? {
                return Ok(path);
            }
        }
        Ok(self.file(repository, last)?)
    }

    fn optional_file(&self, repository: &Repository, file: &str) -> Result<Option<PathBuf>, HubError> {
        match self.file(repository, file) {
            Ok(path) => Ok(Some(path)),
            Err(HubError::NotFound { .. } | HubError::Offline { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn cached(&self, repository: &Repository, file: &str) -> Option<PathBuf> {
        let repo = repository.repo();
        let by_reference = Cache::new(self.cache.clone()).repo(repo.clone()).get(file);
        // A revision that is a commit has no reference of its own in the cache.
        let by_commit = || Some(self.cache.join(repo.folder_name()).join("snapshots").join(&repository.revision).join(file));
        by_reference.or_else(by_commit).filter(|path| path.is_file())
    }

    fn api(&self) -> Result<Api, ApiError> {
        ApiBuilder::from_cache(Cache::new(self.cache.clone()))
            .with_endpoint(self.endpoint.clone())
            .with_token(self.token.clone())
            .with_progress(self.progress)
            .with_retries(RETRIES)
            .with_user_agent("gluepot", env!("CARGO_PKG_VERSION"))
            .build()
    }

    fn explain(&self, error: &ApiError, repository: &Repository, file: &str) -> HubError {
        let (endpoint, id) = (self.endpoint.clone(), repository.id.clone());
        match status(error) {
            Some(404) => HubError::NotFound {
                endpoint,
                id,
                revision: repository.revision.clone(),
                file: file.into(),
                hint: "; check the spelling, or write ./name for a folder",
            },
            Some(status @ (401 | 403)) => {
                let hint = match (&self.token, status) {
                    (None, _) => "the name may be misspelt, or the repository private: then set HF_TOKEN",
                    (Some(_), 401) => "the token in HF_TOKEN is not accepted, or the name is misspelt",
                    (Some(_), _) => "the token is valid but has no access; accept the repository's terms on its page",
                };
                HubError::Refused { endpoint, id, status, hint }
            }
            _ => HubError::Failed { endpoint, id, file: file.into(), reason: error.to_string() },
        }
    }
}

fn status(error: &ApiError) -> Option<u16> {
    let source = match error {
        ApiError::RequestError(source) => source,
        ApiError::TooManyRetries(inner) => return status(inner),
        _ => return None,
    };
    // The HTTP client is not a dependency of its own, so that its version stays the hub client's choice.
    let text = source.to_string();
    text.rsplit(' ').next()?.parse().ok().filter(|_| text.contains("status"))
}

/// A path without the `.` parts that joining leaves in it.
#[must_use]
pub fn tidy(path: &Path) -> PathBuf {
    let tidied: PathBuf = path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
    if tidied.as_os_str().is_empty() { PathBuf::from(".") } else { tidied }
}

/// Replaces a leading `~` by the home folder.
#[must_use]
pub fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}
