//! What decides a trial's outcome, as a short hash: two trials that share it are the same training.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hashes::Hashes;
use super::resolved::SettingRow;
use crate::machine::digest::hex;
use crate::settings::WITHOUT_EFFECT;

/// Paths name content, and the content is hashed.
pub const PATHS: [&str; 2] = ["checkpoint", "data.source"];

/// Whether a setting's value is itself part of the outcome.
#[must_use]
pub fn decides(path: &str) -> bool {
    !WITHOUT_EFFECT.contains(&path) && !PATHS.contains(&path)
}

/// Twelve hexadecimal digits of the SHA-256 of every setting with an effect, of everything read, and of the further
/// evaluations that a sweep asks for; of the tokenization, where texts became other ids by the first.
///
/// Wherever data and checkpoint lie, and whatever the experiment is called, the same training has the same identity.
#[must_use]
pub fn identity(settings: &[SettingRow], hashes: &Hashes, rungs: &[u64], tokenization: u32) -> String {
    let values = settings.iter().filter_map(|row| Some((row.path(), row.value.as_ref()?))).collect();
    identity_of(&values, hashes, rungs, tokenization)
}

/// [`identity`] by path and value.
#[must_use]
pub fn identity_of(settings: &BTreeMap<String, &Value>, hashes: &Hashes, rungs: &[u64], tokenization: u32) -> String {
    let settings: BTreeMap<&String, &&Value> = settings.iter().filter(|(path, _)| decides(path)).collect();
    let mut everything = json!({ "settings": settings, "hashes": hashes, "rungs": rungs });
    if tokenization > 1 {
        everything["tokenization"] = tokenization.into();
    }
    hex(&Sha256::digest(everything.to_string())[..6])
}

/// The identity of a training that was planned for fewer steps and went on at `step` as one of this identity: not the
/// same as one that was planned so from the beginning, whose learning rate was another.
#[must_use]
pub fn extended(identity: &str, before: &str, step: u64) -> String {
    hex(&Sha256::digest(format!("{identity} from {before} at {step}"))[..6])
}
