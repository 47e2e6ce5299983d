//! What decides a trial's outcome, as a short hash: two trials that share it are the same training.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hashes::Hashes;
use super::resolved::SettingRow;
use crate::machine::digest::hex;
use crate::settings::{Precision, Properties, properties};

/// The number of this version's numerics. It is raised on purpose when the same settings and files give other bits than they
/// did before, and then makes another identity. A run or a sweep of another number can still be continued.
#[must_use]
pub const fn numerics(precision: Precision) -> u32 {
    match precision {
        Precision::Fp32 | Precision::Tf32 | Precision::Bf16 => 1,
    }
}

/// Twelve hexadecimal digits of the SHA-256 of every setting with an effect, of everything read, and of the further
/// evaluations that a sweep asks for; of the tokenization and of the numerics, where they are not the first.
///
/// Wherever data and checkpoint lie, and whatever the experiment is called, the same training has the same identity.
#[must_use]
pub fn identity(settings: &[SettingRow], hashes: &Hashes, rungs: &[u64], tokenization: u32, numerics: u32) -> String {
    let values = settings.iter().filter_map(|row| Some((row.path(), row.value.as_ref()?))).collect();
    identity_of(properties(), &values, hashes, rungs, tokenization, numerics)
}

/// [`identity`] by path and value, for settings with these properties.
#[must_use]
pub fn identity_of(
    properties: &Properties,
    values: &BTreeMap<String, &Value>,
    hashes: &Hashes,
    rungs: &[u64],
    tokenization: u32,
    numerics: u32,
) -> String {
    let mut everything = json!({ "settings": properties.identifying(values), "hashes": hashes, "rungs": rungs });
    if tokenization > 1 {
        everything["tokenization"] = tokenization.into();
    }
    if numerics > 1 {
        everything["numerics"] = numerics.into();
    }
    hex(&Sha256::digest(everything.to_string())[..6])
}

/// The identity of a training that was planned for fewer steps and went on at `step` as one of this identity: not the
/// same as one that was planned so from the beginning, whose learning rate was another.
#[must_use]
pub fn extended(identity: &str, before: &str, step: u64) -> String {
    hex(&Sha256::digest(format!("{identity} from {before} at {step}"))[..6])
}
