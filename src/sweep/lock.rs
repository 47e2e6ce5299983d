//! The lock under which one process at a time adds sweeps to a folder for runs, and trials to their plans.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::machine::claim::Claim;

/// Writing a plan takes no longer than this.
const SOON: Duration = Duration::from_secs(2);

/// Waits for the lock of this folder, which is created if it does not exist. If that takes long, `waits` is called once with
/// a message that names the owner.
pub fn lock_sweeps(root: &Path, waits: &mut dyn FnMut(&str)) -> Result<Claim> {
    fs::create_dir_all(root).with_context(|| format!("cannot make the folder for runs {}", root.display()))?;
    let path = root.join(".sweeps.lock");
    let mut told = false;
    loop {
        if let Some(claim) = Claim::take_on_full_disk(&path, SOON)? {
            return Ok(claim);
        }
        if !told {
            let owner = Claim::owner(&path).unwrap_or_else(|| "another process".into());
            waits(&format!("waiting for {owner}, which holds {}", path.display()));
            told = true;
        }
    }
}
