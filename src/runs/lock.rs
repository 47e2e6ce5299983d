//! One process at a time in a run directory.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::directory::{RunDirectory, files};

/// A look at a lock holds it for a moment; a run holds it for long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Held by the process that trains, and let go when it ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes a run for this process; none if another one has it.
    ///
    /// # Errors
    /// The lock cannot be written.
    pub fn take(directory: &RunDirectory) -> Result<Option<Self>> {
        let path = directory.path(files::LOCK);
        let named = || format!("cannot lock {}", path.display());
        let file = File::options().create(true).truncate(false).write(true).open(&path).with_context(named)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { _file: file })),
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
}
