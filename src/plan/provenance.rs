//! What a training is made of, by content.

use super::{Hashes, SettingRow, identity};

/// What a training is made of, and what follows: two trainings of one identity are the same.
///
/// It is no part of [`super::Trial`], because the weights are known by content only once they have been read: planning a trial reads
/// no gigabytes, and what a run records is the hash of the bytes that it started from.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// SHA-256 of everything read.
    pub hashes: Hashes,
    /// The oldest tokenization that gives the ids of both splits.
    pub tokenization: u32,
    /// The number of the numerics, as in [`super::numerics`].
    pub numerics: u32,
    /// Hash of what decides the outcome.
    pub identity: String,
}

impl Provenance {
    /// That of a trial with these settings, scored at these steps as well.
    #[must_use]
    pub fn new(settings: &[SettingRow], rungs: &[u64], hashes: Hashes, tokenization: u32, numerics: u32) -> Self {
        let identity = identity(settings, &hashes, rungs, tokenization, numerics);
        Self { hashes, tokenization, numerics, identity }
    }
}
