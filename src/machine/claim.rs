//! A lock file that says which process owns something, such as a run or a trial of a sweep.
//!
//! It combines three mechanisms, because none suffices alone. The file is **locked**, and the system releases the lock however
//! the process ends; but a lock on a deleted file stops nobody, and some network file systems keep locks local to one
//! machine. So the file contains the owner's **token**: a process that was suspended for a long time can read there that
//! another one took over. And for other machines, which may not see the lock, the owner updates a **heartbeat** file next to it.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;

/// How long to wait for a lock that may be held only by a brief check; a process that works under a claim holds it far longer.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// How long a check of the token stays valid; a process must be suspended for longer to be considered dead.
pub const TRUST: Duration = Duration::from_secs(1);
/// The interval between two heartbeats.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// A process on another machine is considered dead after this long without a heartbeat.
pub const LONG_SILENCE: Duration = Duration::from_mins(15);

const POLL: Duration = Duration::from_millis(10);

/// Ownership of something by this process, until the claim is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Claim {
    /// Holds the lock.
    file: File,
    path: PathBuf,
    /// The token in the file; empty if none was written.
    token: String,
}

/// Another process has taken over what this one owned, and may still be working on it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("another process ({by}) has taken over this run while this one was stopped; this one writes nothing more")]
pub struct TakenOver {
    /// The process and its machine.
    by: String,
}

impl Claim {
    /// Takes the claim; returns `None` if another process holds it for longer than `patience`.
    ///
    /// # Errors
    /// The file cannot be written, or the file system does not support locks.
    pub fn take(path: &Path, patience: Duration) -> Result<Option<Self>> {
        let claim = Self::take_unmarked(path, patience)?;
        claim
            .map(|mut claim| claim.mark().with_context(|| format!("cannot write {}", path.display())).map(|()| claim))
            .transpose()
    }

    /// Like `take`, but tolerates a disk too full for the token: enough for a process that only removes files.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system does not support locks.
    pub fn take_on_full_disk(path: &Path, patience: Duration) -> Result<Option<Self>> {
        let mut claim = Self::take_unmarked(path, patience)?;
        if let Some(claim) = &mut claim {
            let _ = claim.mark();
        }
        Ok(claim)
    }

    /// Keeps other processes out briefly; the file keeps the last owner's token.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system does not support locks.
    pub fn take_unmarked(path: &Path, patience: Duration) -> Result<Option<Self>> {
        let begun = Instant::now();
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(path);
            let file = file.with_context(|| format!("cannot lock {}", path.display()))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    return Ok(Some(Self { file, path: path.to_path_buf(), token: String::new() }));
                }
                // The file was deleted between opening and locking it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(|| format!("cannot lock {} (does the file system have locks?)", path.display()));
                }
            }
        }
    }

    fn mark(&mut self) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (now, count) = (Utc::now().timestamp_nanos_opt().unwrap_or_default(), COUNT.fetch_add(1, Ordering::Relaxed));
        let token = format!("process {} on {} ({now}-{count})\n", std::process::id(), host_name());
        self.file.set_len(0)?;
        self.file.write_all(token.as_bytes())?;
        self.token = token;
        Ok(())
    }

    /// Whether no other process has taken over. If the file was deleted, claims it again.
    pub fn is_ours(&mut self) -> bool {
        let read = fs::read_to_string(&self.path);
        let is_gone = match &read {
            Ok(text) if *text == self.token => return true,
            Ok(text) => text.is_empty(),
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            // Unknown for now; the next write to the directory reports its own error.
            Err(_) => return true,
        };
        if !is_gone {
            return false;
        }
        match Self::take_on_full_disk(&self.path, Duration::ZERO) {
            Ok(Some(again)) => {
                *self = again;
                true
            }
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Returns a handle that can check whether this process still owns the claim, without access to the claim itself.
    #[must_use]
    pub fn watch(&self) -> ClaimWatch {
        ClaimWatch { path: self.path.clone(), token: self.token.clone(), looked: None }
    }

    /// Whether a process holds the lock; `None` if there is no file, or it cannot be locked.
    #[must_use]
    pub fn is_held(path: &Path) -> Option<bool> {
        let file = File::open(path).ok()?;
        // A shared lock, so that several processes can check at the same time.
        match file.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        }
    }

    /// Whether a process on the machine `host` still works under this claim: decided by the lock on that machine, by the
    /// heartbeat elsewhere. A process without any heartbeat yet has only just started.
    #[must_use]
    pub fn is_alive(path: &Path, heartbeat: &Path, host: &str) -> bool {
        if host == host_name() {
            return Self::is_held(path).unwrap_or(false);
        }
        let last = fs::metadata(heartbeat).and_then(|heartbeat| heartbeat.modified()).ok();
        last.and_then(|last| last.elapsed().ok()).is_none_or(|silence| silence < LONG_SILENCE)
    }

    /// Returns the current or last owner, such as `process 12 on host`.
    #[must_use]
    pub fn owner(path: &Path) -> Option<String> {
        Some(owner_of(&fs::read_to_string(path).ok()?)?.to_string())
    }
}

/// Checks whether this process still owns a claim.
#[derive(Clone, Debug)]
pub struct ClaimWatch {
    path: PathBuf,
    token: String,
    looked: Option<Instant>,
}

impl ClaimWatch {
    /// Checks that no other process has taken over, unless that was checked a moment ago.
    pub fn check(&mut self) -> Result<(), TakenOver> {
        if self.looked.is_some_and(|looked| looked.elapsed() < TRUST) {
            return Ok(());
        }
        self.check_now()
    }

    /// Checks that no other process has taken over, however recent the last check.
    pub fn check_now(&mut self) -> Result<(), TakenOver> {
        // An unreadable file does not mean another owner; if the whole directory is gone, the next write fails.
        let found = fs::read_to_string(&self.path).unwrap_or_default();
        if !found.is_empty() && found != self.token {
            return Err(TakenOver { by: owner_of(&found).unwrap_or(found.trim()).to_string() });
        }
        self.looked = Some(Instant::now());
        Ok(())
    }
}

/// Returns the name of this machine.
#[must_use]
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Returns the owner in a token. Earlier versions wrote ` at ` and a time into a run's file.
fn owner_of(token: &str) -> Option<&str> {
    let parts = token.split_once(" (").or_else(|| token.split_once(" at "));
    parts.map(|(owner, _)| owner)
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
        assert_eq!(Claim::is_held(&path), None);
        let mut first = Claim::take(&path, NOW).unwrap().unwrap();
        assert!(Claim::take(&path, NOW).unwrap().is_none());
        assert_eq!(Claim::is_held(&path), Some(true));
        assert_eq!(Claim::owner(&path).unwrap(), format!("process {} on {}", std::process::id(), host_name()));
        assert!(first.is_ours());
        drop(first);
        assert_eq!(Claim::is_held(&path), Some(false));
        assert!(Claim::take(&path, NOW).unwrap().is_some());
    }

    #[test]
    fn a_deleted_file_is_claimed_again_by_its_owner_unless_another_was_faster() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut first = Claim::take(&path, NOW).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(first.is_ours());
        assert!(Claim::take(&path, NOW).unwrap().is_none());
        fs::remove_file(&path).unwrap();
        let second = Claim::take(&path, NOW).unwrap().unwrap();
        assert!(!first.is_ours());
        // Whether the other process is still there does not matter: it has taken over.
        drop(second);
        assert!(!first.is_ours());
    }

    #[test]
    fn who_was_replaced_notices() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Claim::take(&path, NOW).unwrap().unwrap();
        let mut watch = first.watch();
        watch.check_now().unwrap();
        assert!(Claim::take(&path, NOW).unwrap().is_none());
        // A check by another process changes nothing, and neither does a missing file.
        fs::remove_file(&path).unwrap();
        drop(Claim::take_unmarked(&path, NOW).unwrap().unwrap());
        watch.check_now().unwrap();
        let second = Claim::take(&path, NOW).unwrap().unwrap();
        second.watch().check_now().unwrap();
        assert!(watch.check().is_ok(), "known from a moment ago");
        let taken = watch.check_now().unwrap_err().to_string();
        assert!(taken.contains(&format!("(process {} on {})", std::process::id(), host_name())), "{taken}");
    }

    #[test]
    fn files_of_earlier_versions_are_empty_or_say_when() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        File::create(&path).unwrap();
        assert!(Claim::take(&path, NOW).unwrap().unwrap().is_ours());
        fs::write(&path, "process 7 on node at 1764000000000000000").unwrap();
        assert_eq!(Claim::owner(&path).as_deref(), Some("process 7 on node"));
    }

    #[test]
    fn elsewhere_the_heartbeat_decides() {
        let folder = tempfile::tempdir().unwrap();
        let (path, heartbeat) = (folder.path().join("lock"), folder.path().join("heartbeat"));
        // Not locked as far as this machine sees, as on a network file system with local locks.
        drop(Claim::take(&path, NOW).unwrap());
        assert!(!Claim::is_alive(&path, &heartbeat, &host_name()));
        assert!(Claim::is_alive(&path, &heartbeat, "elsewhere"));
        let file = File::create(&heartbeat).unwrap();
        assert!(Claim::is_alive(&path, &heartbeat, "elsewhere"));
        file.set_modified(std::time::SystemTime::now() - LONG_SILENCE).unwrap();
        assert!(!Claim::is_alive(&path, &heartbeat, "elsewhere"));
    }
}
