//! Disk space that a run needs.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use super::states::KEPT;
use crate::plan::Trial;
use crate::settings::{Kept, SaveEvery};

/// Size of an f32 in bytes.
const FLOAT: u64 = 4;

/// Bytes for the checkpoints and states of a run, not counting metrics and predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DiskSpace {
    /// Maximum during training: each file is written in full before the one it replaces is removed.
    pub peak_bytes: u64,
    /// After the run has finished.
    pub kept_bytes: u64,
}

impl DiskSpace {
    #[must_use]
    /// The disk space for the checkpoints and states of this trial.
    pub fn of(trial: &Trial) -> Self {
        let weights = trial.parameter_count() as u64 * FLOAT;
        // The parameters and both AdamW moments.
        let state = 3 * weights;
        let (steps, settings) = (trial.steps.total, &trial.settings);
        let between = trial.steps.between_evaluations(settings.evaluation.every).max(1);
        let evaluations = steps.div_ceil(between) + trial.rungs.len() as u64;
        let keep = &settings.checkpoints.keep;
        let named = [Kept::Best, Kept::Last].into_iter().filter(|kept| keep.contains(*kept)).count() as u64;
        let kept = keep.more().saturating_add(named).min(evaluations);
        let saves = match settings.checkpoints.every {
            SaveEvery::Never => 0,
            SaveEvery::Epoch => steps.div_ceil(trial.steps.per_epoch.max(1)),
            SaveEvery::Steps(every) => steps.div_ceil(every.get()),
            // Unknown in advance: assume the maximum.
            SaveEvery::Minutes(_) => KEPT as u64 + 1,
        };
        // The checkpoints that the two kept states refer to stay as well, and one more is being written.
        let checkpoints = if kept == 0 { 0 } else { kept.saturating_mul(1 + KEPT as u64).saturating_add(1).min(evaluations) };
        // A run that is asked to stop saves a state, whatever the settings are.
        let states = (saves + 1).min(KEPT as u64 + 1);
        Self {
            peak_bytes: checkpoints.saturating_mul(weights).saturating_add(states * state),
            kept_bytes: kept.saturating_mul(weights).saturating_add(saves.min(1) * state),
        }
    }
}

/// Free bytes on the file system of a folder that exists or will be created; `None` if the system does not report them.
#[must_use]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let absolute = std::path::absolute(folder).ok()?;
    let existing = absolute.ancestors().find(|folder| folder.is_dir())?;
    let path = CString::new(existing.as_os_str().as_bytes()).ok()?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path is NUL-terminated, and the call only writes to `found`, for which all zeros is a valid value.
    #[allow(unsafe_code)]
    let found = unsafe {
        if libc::statvfs(path.as_ptr(), found.as_mut_ptr()) != 0 {
            return None;
        }
        found.assume_init()
    };
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_that_of_the_file_system() {
        let root = tempfile::tempdir().unwrap();
        let output = std::process::Command::new("df").args(["-B1", "--output=avail"]).arg(root.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let expected: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
        let found = free_bytes(&root.path().join("not/there/yet")).unwrap();
        // Other processes write to the disk meanwhile.
        assert!(found.abs_diff(expected) < 1 << 32, "{found} {expected}");
    }
}
