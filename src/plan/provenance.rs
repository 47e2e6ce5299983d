//! The content hashes of a training run's inputs, and its identity.

use super::{Hashes, SettingRow, identity};

/// Content hashes and versions of everything a training run depends on, and the resulting identity.
///
/// Not part of [`super::Trial`], because hashing the weights requires reading them: planning a trial reads no gigabytes, and a
/// run records the hash of the bytes that it started from.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// SHA-256 of everything that is read.
    pub hashes: Hashes,
    /// The oldest tokenization version that gives the same token ids for both splits.
    pub tokenization: u32,
    /// The numerics version, as in [`super::numerics`].
    pub numerics: u32,
    /// Hash of everything that affects the result.
    pub identity: String,
}

impl Provenance {
    /// The provenance of a trial with these settings; `rungs` are its additional evaluation steps.
    #[must_use]
    pub fn new(settings: &[SettingRow], rungs: &[u64], hashes: Hashes, tokenization: u32, numerics: u32) -> Self {
        let identity = identity(settings, &hashes, rungs, tokenization, numerics);
        Self { hashes, tokenization, numerics, identity }
    }
}
