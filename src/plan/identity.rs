//! A short hash of everything that affects a trial's result: two trials with the same identity are the same training run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hashes::Hashes;
use super::resolved::SettingRow;
use crate::machine::digest::hex;
use crate::settings::{Precision, Properties, properties};

/// The numerics version of this program. It is raised deliberately when the same settings and files give different bits than
/// before, and thereby changes the identity. A run or a sweep with another version can still be resumed.
#[must_use]
pub const fn numerics(precision: Precision) -> u32 {
    match precision {
        // 2: in fp32, sums of more than 512 terms no longer depend on the machine's cache sizes; in bf16 on CPUs, attention's own
        // products round their factors.
        Precision::Fp32 | Precision::Bf16 => 2,
        Precision::Tf32 => 1,
    }
}

/// Twelve hexadecimal digits of the SHA-256 of every setting that affects the result, of everything read, and of the additional
/// evaluations that a sweep asks for; also of the tokenization and numerics versions if they are above 1.
///
/// It does not depend on where data and checkpoint are stored, or on the experiment's name.
#[must_use]
pub fn identity(settings: &[SettingRow], hashes: &Hashes, rungs: &[u64], tokenization: u32, numerics: u32) -> String {
    let values = settings.iter().filter_map(|row| Some((row.path(), row.value.as_ref()?))).collect();
    identity_of(properties(), &values, hashes, rungs, tokenization, numerics)
}

/// Like [`identity`], from values by path, for settings with these properties.
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

/// The identity of a training run that was planned for fewer steps, with the identity `before`, and was extended at `step` to the
/// plan with this identity. It differs from that of a run planned this way from the start, which had other learning rates.
#[must_use]
pub fn extended(identity: &str, before: &str, step: u64) -> String {
    hex(&Sha256::digest(format!("{identity} from {before} at {step}"))[..6])
}
