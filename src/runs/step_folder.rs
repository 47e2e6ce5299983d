//! Folder names of checkpoints and states.

/// The folder name of a checkpoint or state.
#[must_use]
pub fn folder(step: u64) -> String {
    format!("step-{step:06}")
}

#[must_use]
pub fn step_of(folder: &str) -> Option<u64> {
    let digits = folder.strip_prefix("step-").filter(|digits| digits.len() >= 6)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
