//! The input files of a training run: opened once, limited in size, and hashed while they are read.
//!
//! The hash always describes the bytes that were used: both come from a single read, so a file that is replaced
//! in the meantime cannot be recorded with the wrong hash.

use std::fmt;
use std::fs::{File, FileType, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::machine::digest::hex;
use crate::machine::memory::NotEnoughMemory;

/// A mebibyte.
pub const MIB: u64 = 1 << 20;

/// The first bytes of a Git LFS pointer.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// The content of a small file, its SHA-256, and its path.
#[derive(Clone, PartialEq, Eq)]
pub struct InputFile {
    path: PathBuf,
    bytes: Arc<[u8]>,
    sha256: String,
}

impl InputFile {
    /// Reads a file of at most `largest` bytes.
    ///
    /// # Errors
    /// It cannot be read, is not a regular file, is too large, or is a Git LFS pointer.
    pub fn read(path: &Path, largest: u64) -> Result<Self> {
        let mut reader = HashingReader::open(path)?;
        let bytes = reader.rest(largest)?;
        Ok(Self { path: path.to_path_buf(), bytes: bytes.into(), sha256: reader.finish()? })
    }

    /// Returns the path that it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file name without the folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Returns the content.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the content as text.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.bytes).with_context(|| format!("{} is not UTF-8", self.path.display()))
    }

    /// Returns the SHA-256 of the content, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl fmt::Debug for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputFile").field("path", &self.path).field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// An open file whose bytes are hashed in the order in which they are read.
pub struct HashingReader {
    path: PathBuf,
    file: File,
    length: u64,
    hasher: Sha256,
    /// When the file was last changed, if it is also read without being hashed.
    modified: Option<SystemTime>,
}

impl HashingReader {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be opened, is not a regular file, or is a Git LFS pointer.
    pub fn open(path: &Path) -> Result<Self> {
        Self::continuing(path, Sha256::new())
    }

    /// Opens a file and continues an existing hash with its bytes.
    pub fn continuing(path: &Path, hasher: Sha256) -> Result<Self> {
        let (file, length) = open_regular(path)?;
        let mut reader = Self { path: path.to_path_buf(), file, length, hasher, modified: None };
        reader.refuse_pointer()?;
        Ok(reader)
    }

    /// Returns the size in bytes at the time of opening.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether the file begins and ends with `mark`; does not count as reading.
    pub fn is_between(&mut self, mark: &[u8]) -> Result<bool> {
        let edges = || -> std::io::Result<bool> {
            let (mut file, mut found) = (&self.file, vec![0; mark.len()]);
            let here = file.stream_position()?;
            let mut is_marked = self.length >= 2 * mark.len() as u64;
            for place in [0, self.length.saturating_sub(mark.len() as u64)] {
                file.seek(SeekFrom::Start(place))?;
                is_marked = is_marked && file.read_exact(&mut found).is_ok() && found == mark;
            }
            file.seek(SeekFrom::Start(here))?;
            Ok(is_marked)
        };
        edges().with_context(|| format!("cannot read {}", self.path.display()))
    }

    /// Returns the bytes not read yet, at most `largest`.
    ///
    /// # Errors
    /// The file is larger, memory does not suffice, or it cannot be read.
    pub fn rest(&mut self, largest: u64) -> Result<Vec<u8>> {
        let path = self.path.clone();
        let too_large = || format!("{} is larger than {} MiB, the limit for such a file", path.display(), largest / MIB);
        ensure!(self.length <= largest, too_large());
        let mut bytes = Vec::new();
        let room = bytes.try_reserve_exact(usize::try_from(self.length)?);
        ensure!(room.is_ok(), NotEnoughMemory(self.path.display().to_string()));
        // The file may have grown since it was opened.
        self.by_ref().take(largest + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(bytes.len() as u64 <= largest, too_large());
        Ok(bytes)
    }

    /// Returns the file for reading at any place; what is read there is not hashed, but [`HashingReader::hasher`] fails if
    /// the file has changed meanwhile.
    ///
    /// Only for `read_at`: the file's position is this reader's.
    pub fn random_access(&mut self) -> Result<File> {
        let opened = self.file.metadata().and_then(|metadata| Ok((metadata.modified()?, self.file.try_clone()?)));
        let (modified, file) = opened.with_context(|| format!("cannot read {}", self.path.display()))?;
        self.modified = Some(modified);
        Ok(file)
    }

    /// Reads the rest of the file and returns the hasher.
    pub fn hasher(mut self) -> Result<Sha256> {
        if let Some(before) = self.modified {
            let metadata = self.file.metadata().with_context(|| format!("cannot read {}", self.path.display()))?;
            let is_same = metadata.len() == self.length && metadata.modified().is_ok_and(|now| now == before);
            ensure!(is_same, "{} was changed while it was read", self.path.display());
        }
        let mut chunk = vec![0; MIB as usize];
        loop {
            let read = self.read(&mut chunk).with_context(|| format!("cannot read {}", self.path.display()))?;
            if read == 0 {
                return Ok(self.hasher);
            }
        }
    }

    /// Returns the SHA-256 of the whole file, in hexadecimal.
    pub fn finish(self) -> Result<String> {
        Ok(hex(&self.hasher()?.finalize()))
    }

    fn refuse_pointer(&mut self) -> Result<()> {
        let failed = || format!("cannot read {}", self.path.display());
        let mut start = Vec::new();
        (&self.file).take(LFS.len() as u64).read_to_end(&mut start).with_context(failed)?;
        if start == LFS {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            bail!(
                "{} is a Git LFS pointer, not the file itself; run `git lfs pull` in {}, or download the file",
                self.path.display(),
                folder.display()
            );
        }
        self.file.seek(SeekFrom::Start(0)).with_context(failed)?;
        Ok(())
    }
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Opens a regular file; refuses pipes and devices, which may block or never end.
fn open_regular(path: &Path) -> Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path).with_context(|| match path.read_link() {
        Ok(target) => format!("cannot read {}, a link to {}", path.display(), target.display()),
        Err(_) => format!("cannot read {}", path.display()),
    })?;
    let metadata = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(metadata.is_file(), "{} is {}, not a file", path.display(), kind(metadata.file_type()));
    Ok((file, metadata.len()))
}

fn kind(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a directory" } else { "something else" }
}

/// Returns the SHA-256 of a file or of the concatenation of several, in hexadecimal.
pub fn sha256(paths: &[PathBuf]) -> Result<String> {
    let mut hasher = Sha256::new();
    for path in paths {
        hasher = HashingReader::continuing(path, hasher)?.hasher()?;
    }
    Ok(hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_hash_are_of_one_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one").unwrap();
        let file = InputFile::read(&path, 3).unwrap();
        std::fs::write(&path, "two").unwrap();
        // printf one | sha256sum
        assert_eq!(file.sha256(), "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
        assert_eq!((file.bytes(), file.name().as_str()), (&b"one"[..], "a"));
        assert!(InputFile::read(&path, 2).is_err());
    }

    #[test]
    fn a_file_that_is_cut_while_it_is_read_ends_early_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, vec![7; 3 << 20]).unwrap();
        let mut reader = HashingReader::open(&path).unwrap();
        reader.read_exact(&mut [0; 1000]).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(2000).unwrap();
        assert_eq!(reader.rest(4 << 20).unwrap().len(), 1000);
    }

    #[test]
    fn hashing_goes_on_from_file_to_file() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["on", "e"].map(|part| folder.path().join(part));
        for path in &paths {
            std::fs::write(path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
        let mut first = HashingReader::open(&paths[0]).unwrap();
        assert!(first.is_between(b"o").is_ok_and(|is| !is) && first.is_between(b"").unwrap());
        // None, part or all of a file may have been read before.
        let hasher = first.hasher().unwrap();
        let mut second = HashingReader::continuing(&paths[1], hasher).unwrap();
        second.rest(MIB).unwrap();
        assert_eq!(second.finish().unwrap(), "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    }

    #[test]
    fn what_is_no_file_or_only_points_to_one_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| format!("{:#}", HashingReader::open(path).err().unwrap());
        assert!(refused(folder.path()).contains("a directory"));
        assert!(refused(&folder.path().join("absent")).contains("cannot read"));
        let pointer = folder.path().join("model.safetensors");
        std::fs::write(&pointer, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n").unwrap();
        assert!(refused(&pointer).contains("git lfs pull"));
        #[cfg(unix)]
        {
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            assert!(refused(&pipe).contains("a named pipe"));
            assert!(refused(Path::new("/dev/zero")).contains("a device"));
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("nowhere", &link).unwrap();
            assert!(refused(&link).contains("a link to nowhere"));
        }
    }
}
