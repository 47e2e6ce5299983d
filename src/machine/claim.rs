//! A file that says which process has something, such as a run or a trial of a sweep.
//!
//! It carries three signs, because none is enough alone. The file is **locked**, and the system frees the lock however the
//! process ends; but a lock on a file that somebody deleted stops nobody, and some network file systems keep locks to one
//! machine. So the owner's **token** stands in the file: a process that was stopped for long reads there that another one
//! took over. And for those on other machines, who may not see the lock, the owner leaves a **heartbeat** beside it.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;

/// How long to wait for a claim that is only looked at, which takes a moment; who works under a claim holds it for long.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// A look at the token is enough for so long: who is stopped and taken for dead is stopped for longer.
pub const TRUST: Duration = Duration::from_secs(1);
/// Time between two heartbeats.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// A process on another machine without a heartbeat for so long is taken for dead.
pub const LONG_SILENCE: Duration = Duration::from_mins(15);

const POLL: Duration = Duration::from_millis(10);

/// Something that this process has, until the claim is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Claim {
    /// Keeps the lock.
    file: File,
    path: PathBuf,
    /// Empty where nothing was written.
    token: String,
}

/// Another process has taken over what this one had, and works on it or has done so.
#[derive(Clone, Debug, thiserror::Error)]
#[error("another process ({by}) has taken over this run while this one was stopped; this one writes nothing more")]
pub struct TakenOver {
    /// Process and machine.
    by: String,
}

impl Claim {
    /// Claims what the file stands for; none if another process has it for longer than `patience`.
    ///
    /// # Errors
    /// The file cannot be written, or the file system has no locks.
    pub fn take(path: &Path, patience: Duration) -> Result<Option<Self>> {
        let claim = Self::take_unmarked(path, patience)?;
        claim
            .map(|mut claim| claim.mark().with_context(|| format!("cannot write {}", path.display())).map(|()| claim))
            .transpose()
    }

    /// The same, also where the disk is too full for the token: who comes to remove something needs no more.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system has no locks.
    pub fn take_on_full_disk(path: &Path, patience: Duration) -> Result<Option<Self>> {
        let mut claim = Self::take_unmarked(path, patience)?;
        if let Some(claim) = &mut claim {
            let _ = claim.mark();
        }
        Ok(claim)
    }

    /// Keeps other processes out for a moment; the file keeps the token of who had it last.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system has no locks.
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
        match Self::take_on_full_disk(&self.path, Duration::ZERO) {
            Ok(Some(again)) => {
                *self = again;
                true
            }
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// What tells whether this process still has it, wherever the claim itself is kept.
    #[must_use]
    pub fn watch(&self) -> ClaimWatch {
        ClaimWatch { path: self.path.clone(), token: self.token.clone(), looked: None }
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

    /// Whether a process on the machine `host` that claimed this works on: there its lock tells, elsewhere its heartbeat.
    /// One that never left a heartbeat has only begun.
    #[must_use]
    pub fn is_alive(path: &Path, heartbeat: &Path, host: &str) -> bool {
        if host == host_name() {
            return Self::is_held(path).unwrap_or(false);
        }
        let last = fs::metadata(heartbeat).and_then(|heartbeat| heartbeat.modified()).ok();
        last.and_then(|last| last.elapsed().ok()).is_none_or(|silence| silence < LONG_SILENCE)
    }

    /// Who has it or had it last: `process 12 on host`.
    #[must_use]
    pub fn owner(path: &Path) -> Option<String> {
        Some(owner_of(&fs::read_to_string(path).ok()?)?.to_string())
    }
}

/// Tells whether a claim still is this process's.
#[derive(Clone, Debug)]
pub struct ClaimWatch {
    path: PathBuf,
    token: String,
    looked: Option<Instant>,
}

impl ClaimWatch {
    /// Makes sure that no other process has taken over, unless that is known from a moment ago.
    pub fn check(&mut self) -> Result<(), TakenOver> {
        if self.looked.is_some_and(|looked| looked.elapsed() < TRUST) {
            return Ok(());
        }
        self.check_now()
    }

    /// The same, whatever was known a moment ago.
    pub fn check_now(&mut self) -> Result<(), TakenOver> {
        // A file that cannot be read is nobody else's; where the whole directory is gone, writing says so.
        let found = fs::read_to_string(&self.path).unwrap_or_default();
        if !found.is_empty() && found != self.token {
            return Err(TakenOver { by: owner_of(&found).unwrap_or(found.trim()).to_string() });
        }
        self.looked = Some(Instant::now());
        Ok(())
    }
}

/// The name of this machine.
#[must_use]
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Earlier versions wrote ` at ` and a time into the file of a run.
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
        // Whether the other one is still there changes nothing: it has been there.
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
        // A look by others changes nothing, and neither does a file that is gone.
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
        // Not held as far as this machine sees, as on a network file system whose locks are local.
        drop(Claim::take(&path, NOW).unwrap());
        assert!(!Claim::is_alive(&path, &heartbeat, &host_name()));
        assert!(Claim::is_alive(&path, &heartbeat, "elsewhere"));
        let file = File::create(&heartbeat).unwrap();
        assert!(Claim::is_alive(&path, &heartbeat, "elsewhere"));
        file.set_modified(std::time::SystemTime::now() - LONG_SILENCE).unwrap();
        assert!(!Claim::is_alive(&path, &heartbeat, "elsewhere"));
    }
}
