//! The splits of a data set and the names of their files.

use serde::{Deserialize, Serialize};

/// What the split that picks the best checkpoint is called in messages and CSV files, whatever its files are called.
pub const VALIDATION: &str = "validation";

/// The names of a task's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    /// The task's folder within a folder of several tasks; a folder of the task's name is accepted as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The training split.
    pub train: SplitNames,
    /// The validation split, which picks the best checkpoint.
    pub validation: SplitNames,
    /// Further validation splits, which are scored as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_validation: Vec<SplitNames>,
    /// Whether rows with too few or too many columns are skipped and counted, as those of QQP that a tab or a line feed breaks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skips_ragged_rows: bool,
    /// The test splits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<SplitNames>,
}

/// The names of a split's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitNames {
    /// The split's name on the hub, with which its parquet files begin.
    pub name: String,
    /// The name of the .tsv file.
    pub tsv: String,
}

impl SplitNames {
    /// Creates the names of a split.
    #[must_use]
    pub fn new(name: &str, tsv: &str) -> Self {
        Self { name: name.into(), tsv: tsv.into() }
    }
}

impl Default for Splits {
    fn default() -> Self {
        Self {
            folder: None,
            train: SplitNames::new("train", "train.tsv"),
            validation: SplitNames::new("validation", "dev.tsv"),
            further_validation: Vec::new(),
            skips_ragged_rows: false,
            test: Vec::new(),
        }
    }
}
