//! Errors of the hub, with advice on what to do.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Why a file could not be obtained from the hub.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HubError {
    /// The hub has no such repository, revision or file.
    #[error("the hub at {endpoint} has no {file} in {id} at revision {revision}{hint}")]
    NotFound {
        /// The hub's address.
        endpoint: String,
        /// The repository.
        id: String,
        revision: String,
        file: String,
        /// Advice on what to check.
        hint: String,
    },
    /// The hub requires a token, or rejects the one it got.
    #[error("the hub at {endpoint} refuses access to {id} ({status}): {hint}")]
    Refused {
        /// The hub's address.
        endpoint: String,
        /// The repository.
        id: String,
        /// The HTTP status.
        status: u16,
        /// Advice on what to do.
        hint: &'static str,
    },
    /// Network access is forbidden and the file is not cached.
    #[error("{id} ({file}) is not in the cache {cache}, and {variable} forbids downloading it{hint}")]
    Offline {
        /// The repository.
        id: String,
        file: String,
        /// The cache that was searched.
        cache: PathBuf,
        /// The variable, or other source, that forbids network access.
        variable: &'static str,
        /// What the cache has instead.
        hint: String,
    },
    /// A cached file does not match the hash in its name, and network access is forbidden.
    #[error("the hub's cache is damaged: {path} does not match the hash in its file name. Delete the file to download it again")]
    Damaged {
        /// The damaged file.
        path: PathBuf,
    },
    /// An environment variable, or a file that it names, cannot be used.
    #[error("{name} {reason}")]
    Setting {
        /// The name of the variable or file.
        name: String,
        /// What is wrong; never includes the value.
        reason: String,
    },
    /// The cache is not writable.
    #[error("cannot write the hub's cache {path}: {reason}; set HF_HUB_CACHE to use another folder")]
    Cache {
        /// The path that could not be written.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The connection failed, or the hub's response is unusable.
    #[error("cannot download {file} of {id} from {endpoint}: {fault}{}", fault.advice(id))]
    Failed {
        /// The hub's address.
        endpoint: String,
        /// The repository.
        id: String,
        file: String,
        /// What went wrong.
        fault: Fault,
    },
}

/// What can go wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The host cannot be reached.
    Unreachable(String),
    /// No bytes arrived for this long.
    Silent(Duration),
    /// The connection was lost.
    Broken(String),
    /// The host's certificate is not trusted.
    Certificate(String),
    /// The proxy is invalid or refuses the request; with the variable that names it.
    Proxy(&'static str, String),
    /// A redirect is invalid, or there are too many.
    Redirect(String),
    /// An unexpected HTTP status, and how long the hub asks to wait.
    Status(u16, Option<Duration>),
    /// A response that no hub would give.
    NotHub(String),
    /// The list of a repository's files is longer than this number of MiB.
    LongListing(u64),
    /// The file differs from what was announced.
    Wrong(String),
    /// A setting that is invalid, which shows only when it is used.
    Setting(String),
    /// The cache is not writable.
    Disk(PathBuf, String),
    /// Another process holds the file's lock and makes no progress.
    Locked(PathBuf),
}

impl Fault {
    /// Returns advice for the user, with the separator that joins it to the message.
    fn advice(&self, id: &str) -> String {
        let advice = match self {
            Self::Unreachable(_) | Self::Silent(_) => format!("to work without a network, name a local folder such as ./{id}"),
            Self::Broken(_) => "run the same command again to resume the download".into(),
            Self::Certificate(_) => "if your organization intercepts TLS, set SSL_CERT_FILE to its certificate authority".into(),
            Self::Proxy(variable, _) => format!("check {variable}; NO_PROXY lists hosts that need no proxy"),
            Self::Status(429, Some(wait)) => {
                format!("try again in {} s; with a token (HF_TOKEN) the limit is higher", wait.as_secs())
            }
            Self::Status(429, None) => "try again in a few minutes; with a token (HF_TOKEN) the limit is higher".into(),
            Self::Status(500.., _) => "try again later; set HF_ENDPOINT to use a mirror".into(),
            Self::Redirect(_) | Self::NotHub(_) | Self::Status(..) => "check HF_ENDPOINT".into(),
            Self::LongListing(_) => format!("name the files by path, such as hub:{id}/train.csv"),
            Self::Wrong(_) => "nothing was saved; try again, or check HF_ENDPOINT and the proxy".into(),
            Self::Locked(_) => "stop that process or wait for it to finish".into(),
            Self::Setting(_) | Self::Disk(..) => return String::new(),
        };
        format!("; {advice}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason)
            | Self::Broken(reason)
            | Self::Redirect(reason)
            | Self::NotHub(reason)
            | Self::Wrong(reason)
            | Self::Setting(reason)
            | Self::Proxy(_, reason) => f.write_str(reason),
            Self::LongListing(limit) => write!(f, "it is larger than {limit} MiB, the limit"),
            Self::Silent(time) => write!(f, "no response for {} s", time.as_secs()),
            Self::Certificate(reason) => write!(f, "its certificate is not trusted ({reason})"),
            Self::Status(429, _) => f.write_str("too many requests (429)"),
            Self::Status(status @ 500.., _) => write!(f, "server error ({status})"),
            Self::Status(status, _) => write!(f, "unexpected response status {status}"),
            Self::Disk(path, reason) => write!(f, "cannot write {}: {reason}", path.display()),
            Self::Locked(path) => write!(f, "another process holds {} and makes no progress", path.display()),
        }
    }
}
