//! Settings of earlier versions.
//!
//! A file that sets one still works, with a remark that the key has no effect anymore. Runs have it in their records and
//! identities; so that those do not change, its former default remains part of every
//! identity.

/// A setting that no longer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The dotted path.
    pub path: &'static str,
    /// The former default, an integer.
    pub value: u64,
    /// Why it was removed, as reported to users who set it.
    pub reason: &'static str,
}

impl Retired {
    /// Returns the retired setting at a path.
    #[must_use]
    pub fn at(path: &str) -> Option<&'static Self> {
        RETIRED.iter().find(|retired| retired.path == path)
    }
}

/// All retired settings.
pub const RETIRED: [Retired; 1] = [Retired {
    path: "data.pad_to_multiple_of",
    value: 1,
    reason: "batches are not padded by the fused kernels, and by the reference kernels only to their longest example",
}];
