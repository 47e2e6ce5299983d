//! Options of a comparison.

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

/// The order of variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Best mean first.
    #[default]
    Score,
    /// By a setting, `n` or `time`.
    By(String),
}
