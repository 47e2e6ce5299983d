//! The identity of a file on the hub: its name in the cache, its size and its hash.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::machine::digest::hex;

/// A commit of a repository: 40 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit(String);

impl Commit {
    /// Parses a full commit hash; returns `None` for branches, tags and abbreviated hashes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, 40).then(|| Self(text.to_string()))
    }

    /// Returns the hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// How a file's etag proves its content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    /// SHA-256, for files in Git LFS.
    Sha256,
    /// Git's blob hash, for files in git itself: SHA-1 of `blob`, the size and the content.
    Git,
    /// Some other server's etag, which proves nothing.
    None,
}

/// A file as announced by the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// The name of its blob in the cache: the etag, as in Python's client.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    proof: Proof,
}

impl Content {
    pub fn announced(etag: &str, size: u64) -> Self {
        let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        // A string from the server becomes a file name, so only plain characters are accepted.
        let name = if !etag.is_empty() && etag.len() <= 128 && etag.bytes().all(plain) {
            etag.to_string()
        } else {
            format!("etag-{}", hex(&Sha256::digest(etag.as_bytes())))
        };
        Self { proof: Proof::by_name(&name), name, size }
    }

    /// Whether the content can be verified by more than its size.
    pub fn can_be_proven(&self) -> bool {
        self.proof != Proof::None
    }

    /// Returns a hasher for this file.
    pub fn hasher(&self) -> Hasher {
        Hasher::new(&self.proof, self.size)
    }

    /// Whether the file at `path` has this size and content.
    pub fn is(&self, path: &Path) -> io::Result<bool> {
        let mut hasher = self.hasher();
        let read = hasher.read(&mut File::open(path)?, u64::MAX)?;
        Ok(read == self.size && self.proves(hasher))
    }

    /// Whether the hash matches; the caller has checked the size.
    pub fn proves(&self, hasher: Hasher) -> bool {
        hasher.finish().is_none_or(|hash| hash == self.name)
    }
}

impl Proof {
    fn by_name(name: &str) -> Self {
        match name {
            name if is_hex(name, 64) => Self::Sha256,
            name if is_hex(name, 40) => Self::Git,
            _ => Self::None,
        }
    }
}

/// Whether a cached blob matches the hash in its name; true if the name is not a hash.
pub(super) fn blob_is_sound(name: &str, path: &Path) -> io::Result<bool> {
    let size = std::fs::metadata(path)?.len();
    Content { name: name.to_string(), size, proof: Proof::by_name(name) }.is(path)
}

/// A hasher of the kind that the file's proof needs.
pub(super) enum Hasher {
    Sha256(Sha256),
    Git(Sha1),
    None,
}

impl Hasher {
    fn new(proof: &Proof, size: u64) -> Self {
        match proof {
            Proof::Sha256 => Self::Sha256(Sha256::new()),
            Proof::Git => Self::Git(Sha1::new_with_prefix(format!("blob {size}\0"))),
            Proof::None => Self::None,
        }
    }

    /// Hashes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Git(hasher) => hasher.update(bytes),
            Self::None => {}
        }
    }

    /// Hashes at most `most` bytes from a reader and returns how many it read.
    pub fn read(&mut self, reader: &mut impl Read, most: u64) -> io::Result<u64> {
        let mut buffer = vec![0; 1 << 20];
        let mut reader = reader.take(most);
        let mut total = 0;
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                return Ok(total);
            }
            self.update(&buffer[..read]);
            total += read as u64;
        }
    }

    fn finish(self) -> Option<String> {
        match self {
            Self::Sha256(hasher) => Some(hex(&hasher.finalize())),
            Self::Git(hasher) => Some(hex(&hasher.finalize())),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values: `printf 'hello\n' | sha256sum`, `printf 'hello\n' | git hash-object --stdin`.
    const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    const GIT: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    #[test]
    fn content_is_proven_by_its_etag() {
        let folder = tempfile::tempdir().unwrap();
        let (right, wrong, short) = (folder.path().join("right"), folder.path().join("wrong"), folder.path().join("short"));
        std::fs::write(&right, "hello\n").unwrap();
        std::fs::write(&wrong, "hellO\n").unwrap();
        std::fs::write(&short, "hello").unwrap();
        for etag in [SHA256, GIT] {
            for etag in [etag.to_string(), format!("\"{etag}\""), format!("W/\"{etag}\"")] {
                let content = Content::announced(&etag, 6);
                assert!(content.can_be_proven() && content.is(&right).unwrap());
                assert!(!content.is(&wrong).unwrap() && !content.is(&short).unwrap());
                assert!(blob_is_sound(&content.name, &right).unwrap() && !blob_is_sound(&content.name, &wrong).unwrap());
            }
        }
        let other = Content::announced("\"5f3c-1a2b\"", 6);
        assert_eq!(other.name, "5f3c-1a2b");
        assert!(!other.can_be_proven() && other.is(&wrong).unwrap() && !other.is(&short).unwrap());
    }

    #[test]
    fn an_etag_never_leads_out_of_the_cache() {
        for etag in ["", "..", "../../x", "/etc/passwd", "a/b", "a\\b", ".hidden", "a.incomplete", &"a".repeat(300), "a\0b", "ä"]
        {
            let name = Content::announced(&format!("\"{etag}\""), 1).name;
            assert!(name.starts_with("etag-") && name.len() == 69, "{etag}: {name}");
        }
    }

    #[test]
    fn a_commit_is_forty_digits() {
        assert!(Commit::parse(GIT).is_some());
        for text in ["", "main", "../../../../../../../../../../../../../../x", SHA256, &GIT[..39], &GIT.to_uppercase()] {
            assert_eq!(Commit::parse(text), None, "{text}");
        }
    }
}
