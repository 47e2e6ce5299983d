//! One process at a time in a run directory.

use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;

use super::directory::{RunDirectory, files};
use super::facts::Host;

/// A look at a lock holds it for a moment; a run holds it for long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Held by the process that trains, and let go when it ends, however it ends.
///
/// A process can be stopped for so long that it is taken for dead, and lose its run to another one where locks reach no
/// further than one machine, or where the file was replaced. The file therefore says whose it is.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    owner: String,
    file: File,
}

/// Another process has taken this run over, and trains it or has trained it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("another process ({by}) has taken over this run while this one was stopped; this one writes nothing more")]
pub struct TakenOver {
    /// Process and machine.
    by: String,
}

impl RunLock {
    /// Takes a run for this process; none if another one has it.
    ///
    /// # Errors
    /// The lock cannot be written.
    pub fn take(directory: &RunDirectory) -> Result<Option<Self>> {
        let Some(mut lock) = Self::look(directory)? else { return Ok(None) };
        let host = Host::this();
        let now = Utc::now().timestamp_nanos_opt().unwrap_or_default();
        lock.owner = format!("process {} on {} at {now}", host.process, host.name);
        let file = &mut lock.file;
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(lock.owner.as_bytes()));
        written.with_context(|| format!("cannot write {}", lock.path.display()))?;
        Ok(Some(lock))
    }

    /// Keeps other processes out of a run for a moment, without a claim to it.
    ///
    /// # Errors
    /// The lock cannot be opened.
    pub fn look(directory: &RunDirectory) -> Result<Option<Self>> {
        let path = directory.path(files::LOCK);
        let named = || format!("cannot lock {}", path.display());
        let file = File::options().create(true).truncate(false).write(true).open(&path).with_context(named)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { path, owner: String::new(), file })),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error).with_context(named),
            }
        }
    }

    /// Whether a process of this machine has the run; unknown where there is no lock to look at.
    #[must_use]
    pub fn is_held(directory: &RunDirectory) -> Option<bool> {
        let file = File::open(directory.path(files::LOCK)).ok()?;
        match file.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        }
    }

    /// What tells whether the run still is this process's.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim { path: self.path.clone(), owner: self.owner.clone(), looked: None }
    }
}

/// A process's claim to a run.
#[derive(Clone, Debug)]
pub struct Claim {
    path: PathBuf,
    owner: String,
    looked: Option<Instant>,
}

impl Claim {
    /// A look is enough for so long: who is stopped is stopped for longer.
    const TRUST: Duration = Duration::from_secs(1);

    /// Makes sure that no other process has taken the run, unless that is known from a moment ago.
    ///
    /// # Errors
    /// [`TakenOver`].
    pub fn hold(&mut self) -> Result<(), TakenOver> {
        if self.looked.is_some_and(|looked| looked.elapsed() < Self::TRUST) {
            return Ok(());
        }
        self.look()
    }

    /// The same, whatever was known a moment ago.
    ///
    /// # Errors
    /// [`TakenOver`].
    pub fn look(&mut self) -> Result<(), TakenOver> {
        // A lock that cannot be read is nobody else's; where the whole directory is gone, writing says so.
        let found = fs::read_to_string(&self.path).unwrap_or_default();
        if !found.is_empty() && found != self.owner {
            let by = found.split(" at ").next().unwrap_or_default().to_string();
            return Err(TakenOver { by });
        }
        self.looked = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_replaced_notices() {
        let root = tempfile::tempdir().unwrap();
        let directory = RunDirectory::at(root.path().to_path_buf());
        let first = RunLock::take(&directory).unwrap().unwrap();
        let mut claim = first.claim();
        claim.look().unwrap();
        assert!(RunLock::take(&directory).unwrap().is_none());
        // A look by others changes nothing, and neither does a lock that is gone.
        fs::remove_file(directory.path(files::LOCK)).unwrap();
        drop(RunLock::look(&directory).unwrap().unwrap());
        claim.look().unwrap();
        let second = RunLock::take(&directory).unwrap().unwrap();
        second.claim().look().unwrap();
        assert!(claim.hold().is_ok(), "known from a moment ago");
        assert!(claim.look().is_err());
    }
}
