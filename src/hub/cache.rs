//! The file cache, in the layout of Python's `huggingface_hub`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, Repo};

use super::content::{Commit, blob_is_sound};

/// Files up to this size are verified on every use; larger ones are verified when they are read.
const SMALL: u64 = 64 << 20;

/// The part of the cache that belongs to one repository.
#[derive(Clone, Debug)]
pub(super) struct RepositoryCache {
    cache: Cache,
    repo: Repo,
}

/// The state of a file in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cached {
    Here(PathBuf),
    /// The file is cached, but its content does not match its hash.
    Damaged(PathBuf),
    /// The hub was asked and has no such file.
    Absent,
    /// The hub was never asked.
    Unknown,
}

impl RepositoryCache {
    pub fn of(cache: &Path, repository: &Repo) -> Self {
        Self { cache: Cache::new(cache.to_path_buf()), repo: repository.clone() }
    }

    fn root(&self) -> PathBuf {
        self.cache.path().join(self.repo.folder_name())
    }

    /// Returns the commit that a branch or tag pointed to when it was last resolved.
    pub fn commit_of(&self, revision: &str) -> Option<Commit> {
        Commit::parse(fs::read_to_string(self.root().join("refs").join(revision)).ok()?.trim())
    }

    /// Records which commit a branch or tag points to.
    pub fn set_commit(&self, revision: &str, commit: &Commit) -> io::Result<()> {
        let path = self.root().join("refs").join(revision);
        if self.commit_of(revision).as_ref() == Some(commit) {
            return Ok(());
        }
        replace(&path, |beside| fs::write(beside, commit.as_str()))
    }

    /// Returns the commits that have files in the cache, sorted.
    pub fn commits(&self) -> Vec<Commit> {
        let entries = fs::read_dir(self.root().join("snapshots"));
        let mut commits: Vec<Commit> =
            entries.into_iter().flatten().flatten().filter_map(|entry| Commit::parse(entry.file_name().to_str()?)).collect();
        commits.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        commits
    }

    fn place(&self, commit: &Commit, file: &str) -> PathBuf {
        self.cache.repo(self.repo.clone()).pointer_path(commit.as_str()).join(file)
    }

    /// Returns the state of a file without asking the hub.
    pub fn known(&self, commit: &Commit, file: &str) -> Cached {
        let path = self.place(commit, file);
        if let Some(about) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) {
            let wrong = |name: String| !blob_is_sound(&name, &path).unwrap_or(true);
            let damaged = about.len() <= SMALL && blob_behind(&path).is_some_and(wrong);
            return if damaged { Cached::Damaged(path) } else { Cached::Here(path) };
        }
        let absent = self.root().join(".no_exist").join(commit.as_str()).join(file);
        if absent.is_file() { Cached::Absent } else { Cached::Unknown }
    }

    /// Records that the hub has no such file; if the cache is not writable, the hub is asked again next time.
    pub fn set_absent(&self, commit: &Commit, file: &str) {
        let path = self.root().join(".no_exist").join(commit.as_str()).join(file);
        let _ = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, ""));
    }

    /// Returns a commit's list of files as it was last kept.
    pub fn listing(&self, commit: &Commit) -> Option<Vec<u8>> {
        fs::read(self.listing_place(commit)).ok()
    }

    /// Keeps a commit's list of files; if the cache is not writable, the hub is asked again next time.
    pub fn set_listing(&self, commit: &Commit, listing: &[u8]) {
        let _ = replace(&self.listing_place(commit), |beside| fs::write(beside, listing));
    }

    /// Python's client has no such folder, and removes it with the repository's.
    fn listing_place(&self, commit: &Commit) -> PathBuf {
        self.root().join(".listings").join(format!("{}.json", commit.as_str()))
    }

    pub fn blob(&self, name: &str) -> PathBuf {
        self.root().join("blobs").join(name)
    }

    /// The path of a blob while it is being downloaded.
    pub fn partial(&self, name: &str) -> PathBuf {
        self.root().join("blobs").join(format!("{name}.incomplete"))
    }

    pub fn lock(&self, name: &str) -> PathBuf {
        self.cache.path().join(".locks").join(self.repo.folder_name()).join(format!("{name}.lock"))
    }

    /// Links a blob into a commit's snapshot.
    pub fn link(&self, commit: &Commit, file: &str, blob: &str) -> io::Result<PathBuf> {
        let place = self.place(commit, file);
        let up = "../".repeat(file.matches('/').count() + 2);
        let target = PathBuf::from(format!("{up}blobs/{blob}"));
        if fs::read_link(&place).is_ok_and(|link| link == target) {
            return Ok(place);
        }
        // Some file systems do not support symbolic links.
        replace(&place, |beside| symlink(&target, beside).or_else(|_| fs::copy(self.blob(blob), beside).map(drop)))?;
        Ok(place)
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns the name of the blob that a snapshot's file links to.
fn blob_behind(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    let in_blobs = target.parent()?.file_name()? == "blobs";
    target.file_name()?.to_str().filter(|_| in_blobs).map(String::from)
}

/// Creates a file next to its destination and renames it, so that the destination is never half-written.
fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let _ = fs::remove_file(&beside);
    let made = make(&beside).and_then(|()| fs::rename(&beside, path));
    if made.is_err() {
        let _ = fs::remove_file(&beside);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    // `printf 'hello\n' | sha256sum`
    const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

    #[test]
    fn a_reference_is_a_commit_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RepositoryCache::of(folder.path(), &Repo::model("owner/tiny".into()));
        assert_eq!(cache.commit_of("main"), None);
        let commit = Commit::parse(COMMIT).unwrap();
        cache.set_commit("refs/pr/1", &commit).unwrap();
        assert_eq!(cache.commit_of("refs/pr/1"), Some(commit));
        fs::write(folder.path().join("models--owner--tiny/refs/main"), "../../../../../../../../../../../etc").unwrap();
        assert_eq!(cache.commit_of("main"), None);
    }

    #[test]
    fn files_are_links_to_blobs_as_in_python() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RepositoryCache::of(folder.path(), &Repo::dataset("nyu-mll/glue".into()));
        let commit = Commit::parse(COMMIT).unwrap();
        assert_eq!(cache.known(&commit, "mrpc/train"), Cached::Unknown);
        cache.set_absent(&commit, "mrpc/test");
        assert_eq!(cache.known(&commit, "mrpc/test"), Cached::Absent);
        fs::create_dir_all(folder.path().join("datasets--nyu-mll--glue/blobs")).unwrap();
        fs::write(cache.blob(HELLO), "hello\n").unwrap();
        let place = cache.link(&commit, "mrpc/train", HELLO).unwrap();
        assert_eq!(fs::read_link(&place).unwrap(), PathBuf::from(format!("../../../blobs/{HELLO}")));
        assert_eq!(fs::read(&place).unwrap(), b"hello\n");
        assert_eq!(cache.known(&commit, "mrpc/train"), Cached::Here(place.clone()));
        fs::write(cache.blob(HELLO), "hell\n").unwrap();
        assert_eq!(cache.known(&commit, "mrpc/train"), Cached::Damaged(place));
        assert_eq!(cache.commits(), [commit]);
    }
}
