//! Settings of earlier versions.
//!
//! A file that sets one still works and is told that the key has no effect any more. Runs have it in their records and in
//! their identities; so that those stay what they are, the value that it had where nobody set it remains part of each
//! identity.

/// A setting that exists no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The dotted path.
    pub path: &'static str,
    /// The value that it had where nobody set it, a whole number.
    pub value: u64,
    /// Why it is gone, as a person who sets it is told.
    pub reason: &'static str,
}

impl Retired {
    /// The retired setting at a path.
    #[must_use]
    pub fn at(path: &str) -> Option<&'static Self> {
        RETIRED.iter().find(|retired| retired.path == path)
    }
}

/// All of them.
pub const RETIRED: [Retired; 1] = [Retired {
    path: "data.pad_to_multiple_of",
    value: 1,
    reason: "batches are not padded by the fused kernels, and by the reference kernels only to their longest example",
}];
