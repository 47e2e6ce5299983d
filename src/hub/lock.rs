//! Lets only one process download a file; the others wait as long as it makes progress.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::Fault;

/// How long a download may make no progress before waiting for it ends; longer than its own silence limits.
const STILL: Duration = Duration::from_mins(2);

/// The interval between checks.
const PAUSE: Duration = Duration::from_millis(100);

/// Locks `path` until the returned file is dropped; returns `None` if the file system does not support locks.
///
/// `partial` is the file that grows while another process holds the lock.
pub(super) fn lock(path: &Path, partial: &Path, waiting: impl FnOnce()) -> Result<Option<File>, Fault> {
    let failed = |error: &io::Error| Fault::Disk(path.to_path_buf(), error.to_string());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let open = || File::options().create(true).append(true).open(path);
    let file = open().map_err(|error| failed(&error))?;
    let growth = || fs::metadata(partial).ok().map(|about| (about.len(), about.modified().ok()));
    let (mut seen, mut since) = (growth(), Instant::now());
    let mut waiting = Some(waiting);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
        }
        if let Some(say) = waiting.take() {
            say();
        }
        let now = growth();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        if since.elapsed() > STILL {
            return Err(Fault::Locked(path.to_path_buf()));
        }
        sleep(PAUSE);
    }
}
