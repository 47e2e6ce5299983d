//! How to compare.

/// How to compare.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The metric, where it is not the one that the runs were judged by.
    pub metric: Option<String>,
    /// Settings that make a variant, where not all of them do.
    pub by: Vec<String>,
    /// The variant that the others are compared with: its number as listed without it, or `setting=value`.
    pub reference: Option<String>,
    /// The order of the table.
    pub sort: Sort,
}

/// The order of variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The best mean first.
    #[default]
    Score,
    /// By a setting or `n`, `time`.
    By(String),
}
