//! A file's metadata as announced by the hub before the download.

use super::client::{Answer, Hop, header};
use super::content::{Commit, Content};
use super::error::Fault;

/// A file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub commit: Commit,
    pub content: Content,
}

impl Announced {
    /// Reads the headers of an answer to a request for a file's first byte.
    pub fn read(answer: &Answer) -> Result<Self, Fault> {
        let lacks = |name: &str| Fault::NotHub(format!("the answer is not that of a hub: it lacks the header {name}"));
        let speaker = speaker(&answer.trail).ok_or_else(|| lacks("X-Repo-Commit"))?;
        let commit = header(&speaker.headers, "x-repo-commit").and_then(Commit::parse);
        let commit =
            commit.ok_or_else(|| Fault::NotHub("the answer is not that of a hub: X-Repo-Commit is not a commit".into()))?;
        // If large files are stored elsewhere, the hub's own response still has their hash and size.
        let said = |name: &str| {
            let same = |hop: &&Hop| hop.home == speaker.home;
            answer.trail.iter().rev().filter(same).find_map(|hop| header(&hop.headers, name)).map(str::trim)
        };
        let own = header(&speaker.headers, "etag").or_else(|| answer.header("etag"));
        let etag = said("x-linked-etag").or(own).filter(|etag| !etag.is_empty()).ok_or_else(|| lacks("ETag"))?;
        let linked = said("x-linked-size").and_then(|size| size.parse().ok());
        let size = match (linked, size_of(answer)) {
            (Some(linked), Some(sent)) if linked != sent => {
                return Err(Fault::Wrong(format!("its announced size is both {linked} and {sent} bytes")));
            }
            (linked, sent) => {
                linked.or(sent).ok_or_else(|| Fault::NotHub("the answer does not say how large the file is".into()))?
            }
        };
        Ok(Self { commit, content: Content::announced(etag, size) })
    }
}

/// Returns the response that names the commit: the hub's own or, if a mirror only redirects, that of the redirect's target.
fn speaker(trail: &[Hop]) -> Option<&Hop> {
    let names = |hop: &&Hop| hop.headers.contains_key("x-repo-commit");
    trail.iter().rev().filter(|hop| hop.home).find(names).or_else(|| trail.iter().find(names))
}

/// Returns the size of the whole file from the response to a request for its first byte.
fn size_of(answer: &Answer) -> Option<u64> {
    match answer.status {
        206 => answer.content_range().map(|(_, _, total)| total),
        416 => answer.header("content-range")?.strip_prefix("bytes */")?.trim().parse().ok(),
        _ if answer.encoding().is_some() => None,
        _ => answer.content_length(),
    }
}
