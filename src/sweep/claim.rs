//! A file that says which process has something.
//!
//! It carries two signs, because neither is enough alone. The file is locked, and the system frees the lock however the
//! process ends; but a lock on a file that somebody deleted stops nobody, and some network file systems keep locks to one
//! machine. So the owner's token stands in the file too: a process that was stopped for long reads there that another one
//! took over.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;

use crate::runs::Host;

/// Something that this process has, until the claim is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FileClaim {
    /// Keeps the lock.
    _file: File,
    path: PathBuf,
    token: String,
}

impl FileClaim {
    /// Claims what the file stands for; none if another process has it for longer than `patience`.
    ///
    /// # Errors
    /// The file cannot be written, or the file system has no locks.
    pub fn take(path: &Path, patience: Duration) -> Result<Option<Self>> {
        let begun = Instant::now();
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(path);
            let file = file.with_context(|| format!("cannot lock {}", path.display()))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => return Ok(Some(Self::of(file, path))),
                // The file was deleted between opening and locking it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => std::thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(|| format!("cannot lock {} (does the file system have locks?)", path.display()));
                }
            }
        }
    }

    fn of(mut file: File, path: &Path) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Host { name, process, .. } = Host::this();
        let (now, count) = (Utc::now().timestamp_nanos_opt().unwrap_or_default(), COUNT.fetch_add(1, Ordering::Relaxed));
        let token = format!("process {process} on {name} ({now}-{count})\n");
        let written = file.set_len(0).and_then(|()| file.write_all(token.as_bytes()));
        // A full disk does not keep anybody from removing something under a claim.
        let token = if written.is_ok() { token } else { String::new() };
        Self { _file: file, path: path.to_path_buf(), token }
    }

    /// Whether no other process took it over since. If somebody deleted the file, it is claimed again.
    pub fn is_ours(&mut self) -> bool {
        let read = fs::read_to_string(&self.path);
        let is_gone = match &read {
            Ok(text) if *text == self.token => return true,
            Ok(text) => text.is_empty(),
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            // Nothing can be told now; what is written next fails by itself.
            Err(_) => return true,
        };
        if !is_gone {
            return false;
        }
        match Self::take(&self.path, Duration::ZERO) {
            Ok(Some(again)) => {
                *self = again;
                true
            }
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Whether a process has it, as far as locks tell; unknown where there is no file or no lock to look at.
    #[must_use]
    pub fn is_held(path: &Path) -> Option<bool> {
        let file = File::open(path).ok()?;
        // A shared look lets others look at the same time.
        match file.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        }
    }

    /// Who has it or had it last: `process 12 on host`.
    #[must_use]
    pub fn owner(path: &Path) -> Option<String> {
        let text = fs::read_to_string(path).ok()?;
        let (owner, _) = text.split_once(" (")?;
        Some(owner.to_string())
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let here = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata().map(here), fs::metadata(path).map(here)), (Ok(ours), Ok(now)) if ours == now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn one_has_it_at_a_time_and_the_file_says_who() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(FileClaim::is_held(&path), None);
        let mut first = FileClaim::take(&path, NOW).unwrap().unwrap();
        assert!(FileClaim::take(&path, NOW).unwrap().is_none());
        assert_eq!(FileClaim::is_held(&path), Some(true));
        assert!(FileClaim::owner(&path).unwrap().starts_with(&format!("process {} on ", std::process::id())));
        assert!(first.is_ours());
        drop(first);
        assert_eq!(FileClaim::is_held(&path), Some(false));
        assert!(FileClaim::take(&path, NOW).unwrap().is_some());
    }

    #[test]
    fn a_deleted_file_is_claimed_again_by_its_owner_unless_another_was_faster() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut first = FileClaim::take(&path, NOW).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(first.is_ours());
        assert!(FileClaim::take(&path, NOW).unwrap().is_none());
        fs::remove_file(&path).unwrap();
        let second = FileClaim::take(&path, NOW).unwrap().unwrap();
        assert!(!first.is_ours());
        // Whether the other one is still there changes nothing: it has been there.
        drop(second);
        assert!(!first.is_ours());
    }

    #[test]
    fn a_file_of_an_earlier_version_is_empty_and_can_be_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        File::create(&path).unwrap();
        assert!(FileClaim::take(&path, NOW).unwrap().unwrap().is_ours());
    }
}
