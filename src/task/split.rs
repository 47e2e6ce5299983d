//! The splits of a data set and the names of their files.

use serde::{Deserialize, Serialize};

/// A split of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The training split.
    Train,
    /// The validation split.
    Validation,
}

impl Split {
    /// Returns the split's name in messages and CSV files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
        }
    }
}

/// The names of a task's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    /// The task's folder within a folder of several tasks; a folder of the task's name is accepted as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The training split.
    pub train: SplitNames,
    /// The validation split.
    pub validation: SplitNames,
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
        Self { folder: None, train: SplitNames::new("train", "train.tsv"), validation: SplitNames::new("validation", "dev.tsv") }
    }
}

impl Splits {
    /// Returns the names of one split.
    #[must_use]
    pub fn names(&self, split: Split) -> &SplitNames {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
        }
    }
}
