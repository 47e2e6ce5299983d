//! What the hub says of a commit: the names of its files, and the configurations that the card of a data set declares.
//!
//! The answer is kept in the cache, in a file of its own. The files that happen to be in the cache would not do in its place: of a
//! split that another program has downloaded in part, they are the beginning, and nothing tells that there is more.

use std::io::Read;

use flate2::read::GzDecoder;
use hf_hub::RepoType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Repository;
use super::cache::RepositoryCache;
use super::client::{Answer, Client, Patience, Request};
use super::content::Commit;
use super::error::{Fault, HubError};
use super::names::is_file_path;
use super::snapshot::{Reach, Snapshot};
use super::url::{Url, escape};

/// The size limit of an answer in MiB; a repository has less than 100,000 files, each of them about 100 bytes here.
const LARGEST: u64 = 16;

/// The name of the answer in messages.
const NAME: &str = "the list of files";

/// The files of a commit, in the form of the hub's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listing {
    sha: String,
    siblings: Vec<ListedFile>,
    #[serde(default, rename = "cardData", skip_serializing_if = "Option::is_none")]
    card: Option<Card>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ListedFile {
    #[serde(rename = "rfilename")]
    path: String,
}

/// The metadata in a repository's README.md.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Card {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configs: Option<Json>,
}

impl Listing {
    /// Reads the hub's answer about a revision, and which commit that is.
    fn parse(text: &[u8]) -> Result<(Self, Commit), Fault> {
        let wrong = |problem: String| Fault::NotHub(format!("the answer is not that of a hub: {problem}"));
        let listing: Self = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        let commit = Commit::parse(&listing.sha).ok_or_else(|| wrong("sha is not a commit".into()))?;
        // The names become paths.
        match listing.siblings.iter().find(|file| !is_file_path(&file.path)) {
            Some(file) => Err(wrong(format!("{:?} is no file's name", file.path))),
            None => Ok((listing, commit)),
        }
    }

    /// Returns the paths of all files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.siblings.iter().map(|file| file.path.as_str())
    }

    /// Returns what the card says about configurations: <https://huggingface.co/docs/hub/datasets-manual-configuration>.
    #[must_use]
    pub fn configurations(&self) -> Option<&Json> {
        self.card.as_ref()?.configs.as_ref()
    }
}

impl Snapshot<'_> {
    /// Returns the commit's files, from the cache if they are known.
    ///
    /// # Errors
    /// The hub cannot be reached, or its answer is too large or not that of a hub.
    pub fn listing(&self) -> Result<Listing, HubError> {
        let kept = self.cache.listing(&self.commit).and_then(|kept| Listing::parse(&kept).ok());
        match (kept.filter(|(_, commit)| *commit == self.commit), self.reach) {
            (Some((listing, _)), _) => Ok(listing),
            (None, Reach::Hub(client, patience)) => {
                let (listing, commit) = self.repository.listing(client, patience, self.commit.as_str(), &self.cache)?;
                let other = || Fault::NotHub("the hub answered with another commit than was requested".into());
                if commit == self.commit { Ok(listing) } else { Err(self.repository.failed(client, NAME, other())) }
            }
            (None, Reach::Cache) => {
                Err(self.hub.not_cached(self.repository, NAME, "; files that are named by their whole path need no list"))
            }
        }
    }
}

impl Repository {
    /// Asks for the files of a revision, and keeps the answer.
    pub(super) fn listing(
        &self,
        client: &Client,
        patience: Patience,
        revision: &str,
        cache: &RepositoryCache,
    ) -> Result<(Listing, Commit), HubError> {
        let failed = |fault| self.failed(client, NAME, fault);
        let request = Request { url: self.listing_address(client, revision), range: None, waits: client.first_waits(patience) };
        let answer = client.ask(&request, patience, &super::say).map_err(failed)?;
        match answer.status {
            200 => {
                let (listing, commit) = body(&answer, client).and_then(|text| Listing::parse(&text)).map_err(failed)?;
                if let Ok(text) = serde_json::to_vec(&listing) {
                    cache.set_listing(&commit, &text);
                }
                Ok((listing, commit))
            }
            404 | 410 => {
                self.absent(client, &answer, "files")?;
                Err(self.not_found(client, "files", "; check the spelling".into()))
            }
            status @ (401 | 403) => Err(self.refused(client, &answer, status)),
            status => Err(failed(Fault::Status(status, None))),
        }
    }

    fn listing_address(&self, client: &Client, revision: &str) -> Url {
        let kind = match self.kind {
            RepoType::Model => "models",
            RepoType::Dataset => "datasets",
            RepoType::Space => "spaces",
        };
        client.endpoint.url.below(&format!("api/{kind}/{}/revision/{}", self.id, escape(revision)))
    }
}

/// Returns the text of an answer.
fn body(answer: &Answer, client: &Client) -> Result<Vec<u8>, Fault> {
    let limit = LARGEST << 20;
    let mut bytes = Vec::new();
    while let Some(more) = answer.next(client.later_waits().iter().sum())? {
        bytes.extend(more);
        if bytes.len() as u64 > limit {
            return Err(Fault::LongListing(LARGEST));
        }
    }
    match answer.encoding().as_deref() {
        None => Ok(bytes),
        Some("gzip" | "x-gzip") => {
            let mut text = Vec::new();
            let read = GzDecoder::new(bytes.as_slice()).take(limit + 1).read_to_end(&mut text);
            read.map_err(|_| Fault::Broken("the response cannot be decompressed".into()))?;
            if text.len() as u64 > limit { Err(Fault::LongListing(LARGEST)) } else { Ok(text) }
        }
        Some(other) => Err(Fault::NotHub(format!("the server compresses its answers ({other}), which was not requested"))),
    }
}
