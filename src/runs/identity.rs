//! What decides a run's outcome, as a short hash: two runs that share it are the same training.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::facts::Hashes;
use super::resolved::SettingRow;
use crate::digest::hex;
use crate::settings::WITHOUT_EFFECT;

/// Paths name content, and the content is hashed.
const PATHS: [&str; 2] = ["checkpoint", "data.source"];

/// Twelve hexadecimal digits of the SHA-256 of every setting with an effect, of everything read, and of the further
/// evaluations that a sweep asks for.
///
/// Wherever data and checkpoint lie, and whatever the experiment is called, the same training has the same identity.
#[must_use]
pub fn identity(settings: &[SettingRow], hashes: &Hashes, rungs: &[u64]) -> String {
    let decides = |path: &str| !WITHOUT_EFFECT.contains(&path) && !PATHS.contains(&path);
    let settings: BTreeMap<String, &Value> =
        settings.iter().filter_map(|row| Some((row.path(), row.value.as_ref()?))).filter(|(path, _)| decides(path)).collect();
    let everything = json!({ "settings": settings, "hashes": hashes, "rungs": rungs });
    hex(&Sha256::digest(everything.to_string())[..6])
}

/// The identity of a training that was planned for fewer steps and went on at `step` as one of this identity: not the
/// same as one that was planned so from the beginning, whose learning rate was another.
#[must_use]
pub fn extended(identity: &str, before: &str, step: u64) -> String {
    hex(&Sha256::digest(format!("{identity} from {before} at {step}"))[..6])
}
