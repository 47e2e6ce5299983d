//! Options of a comparison.

use crate::settings::properties;

/// How to compare runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The metric, if it is not the one that the runs were judged by.
    pub metric: Option<String>,
    /// Settings to group runs by; empty for all except the seed.
    pub by: Vec<String>,
    /// The variant that the others are compared with: `setting=value`, or the beginning of a run's id.
    pub reference: Option<String>,
    /// The order of the table.
    pub sort: Sort,
}

impl Options {
    /// Returns whether runs that differ in this setting are different variants.
    #[must_use]
    pub fn groups_by(&self, path: &str) -> bool {
        match self.by.as_slice() {
            [] => path != "seed" && properties().has_effect(path),
            by => by.iter().any(|own| own == path),
        }
    }
}

/// The order of variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Best mean first.
    #[default]
    Score,
    /// By a setting, `n` or `time`.
    By(String),
}
