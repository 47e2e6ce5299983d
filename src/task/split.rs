//! Parts of a data set, and what their files are called.

use serde::{Deserialize, Serialize};

/// Part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Learnt from.
    Train,
    /// Scored on.
    Validation,
}

impl Split {
    /// The split's name in messages and CSVs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
        }
    }
}

/// What the files of a task are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    /// The task's folder in a folder of several tasks, beside one of the task's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The split to learn from.
    pub train: SplitNames,
    /// The split to score on.
    pub validation: SplitNames,
}

/// What the files of a split are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitNames {
    /// The split on the hub: its parquet files begin with it.
    pub name: String,
    /// The .tsv file.
    pub tsv: String,
}

impl SplitNames {
    /// A split's names.
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
    /// The names of one of them.
    #[must_use]
    pub fn names(&self, split: Split) -> &SplitNames {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
        }
    }
}
