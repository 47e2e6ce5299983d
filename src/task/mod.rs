//! Tasks: which texts are read, what is predicted for them, and how predictions are scored.
//!
//! A [`Task`] is a self-contained value: it comes from [`glue`] or any other code, is stored completely in `run.json`, and is
//! never looked up by its name again.

mod best;
mod constant;
pub mod glue;
mod head;
mod labels;
pub mod metrics;
mod parquet;
mod parquet_names;
mod prediction;
mod source;
mod split;
mod tables;
mod target;
mod tsv;
mod value_statistics;

use serde::{Deserialize, Serialize};

use metrics::{Direction, LOSS, LOSS_RANGE, Metric};

pub use best::Best;
pub use constant::{Constant, Guess};
pub use head::Head;
pub use labels::{LabelCounts, SplitLabels};
pub use prediction::{Output, Prediction};
pub use source::{FoundSplits, Origin, RepositoryCommit, Source, SplitFile, SplitRows};
pub use split::{SplitNames, Splits, VALIDATION};
pub use tables::{distinct_labels, sorted as sorted_labels};
pub use target::{ClassCells, Target};
pub use value_statistics::ValueStatistics;

/// What to learn: the columns to read, what to predict, and how to score it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The name in experiment files; also the folder of the hub's parquet files.
    pub name: String,
    /// The columns that contain the text.
    pub text: TextColumns,
    /// The column that contains the class, the value or the list of labels. Without a name, each label of a multi-label task has
    /// its own column, with the label's name.
    pub target: ColumnName,
    /// What the model predicts.
    pub head: Head,
    /// How the target column represents a class.
    #[serde(default)]
    pub class_cells: ClassCells,
    /// The id of the class that binary precision, recall and F1 refer to; by default 1, the second class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<u32>,
    /// The metrics, in the order of their columns.
    pub metrics: Vec<Metric>,
    /// The names of the splits and their files.
    pub splits: Splits,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnName {
    pub name: String,
    /// The column in .tsv files, if it differs from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsv: Option<TsvColumn>,
}

/// How a .tsv file identifies a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TsvColumn {
    /// By a different name in the header.
    Name(String),
    /// By its index, counted from 0, in a file without a header.
    Number(usize),
}

/// What is read of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Texts and the target.
    Labeled,
    /// Texts alone, of files whose targets are missing or secret.
    Texts,
}

impl ColumnName {
    /// The same column in a file with a header.
    fn in_header(self) -> Self {
        let tsv = self.tsv.filter(|tsv| matches!(tsv, TsvColumn::Name(_)));
        Self { tsv, ..self }
    }

    /// Creates a column that has the same name in every format.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), tsv: None }
    }
}

/// The columns that contain the text of an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextColumns {
    /// One sentence.
    Single(ColumnName),
    /// Two sentences, read together.
    Pair(ColumnName, ColumnName),
}

impl Task {
    /// Adds the metric that picks the best checkpoint, unless the task has it already.
    #[must_use]
    pub fn scored_by(mut self, metric: &str) -> Self {
        if self.metric(metric).is_none() {
            self.metrics.extend(Metric::named(metric));
        }
        self
    }

    /// Returns the id of the class that binary metrics refer to.
    #[must_use]
    pub fn positive(&self) -> usize {
        self.positive.unwrap_or(1) as usize
    }

    /// Returns the direction of one of the task's metrics or of the loss; `None` if the task does not have the metric.
    #[must_use]
    pub fn direction(&self, metric: &str) -> Option<Direction> {
        if metric == LOSS { Some(Direction::Minimize) } else { self.metric(metric).map(|known| known.direction) }
    }

    /// Returns the smallest and the largest score of one of the task's metrics or of the loss; `None` for other metrics.
    #[must_use]
    pub fn range(&self, metric: &str) -> Option<(f64, f64)> {
        if metric == LOSS { Some(LOSS_RANGE) } else { self.metric(metric).map(|known| known.range) }
    }

    /// Returns one of the task's metrics by name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.metrics.iter().find(|known| known.name == name).copied()
    }

    /// Returns the names that an experiment on this task may give as its metric.
    #[must_use]
    pub fn metric_names(&self) -> Vec<&'static str> {
        self.metrics.iter().map(|metric| metric.name).chain([LOSS]).collect()
    }

    fn text_columns(&self) -> Vec<ColumnName> {
        match &self.text {
            TextColumns::Single(one) => vec![one.clone()],
            TextColumns::Pair(first, second) => vec![first.clone(), second.clone()],
        }
    }

    fn target_columns(&self) -> Vec<ColumnName> {
        match &self.head {
            Head::Classes(_) | Head::Value => vec![self.target.clone()],
            Head::Labels(_) if !self.target.name.is_empty() => vec![self.target.clone()],
            Head::Labels(labels) => labels.iter().map(|label| ColumnName::named(label)).collect(),
        }
    }

    /// Returns all columns that are read, those of the text first.
    fn columns(&self, reads: Reads) -> Vec<ColumnName> {
        match reads {
            Reads::Labeled => [self.text_columns(), self.target_columns()].concat(),
            // Files without labels have a header, even if those with labels have none.
            Reads::Texts => self.text_columns().into_iter().map(ColumnName::in_header).collect(),
        }
    }

    /// Makes an example from the cells of these columns.
    fn example(&self, cells: &[String], reads: Reads) -> Result<Example, String> {
        let (text, target) = match (&self.text, cells) {
            (TextColumns::Single(_), [text, target @ ..]) => (Text::Single(text.clone()), target),
            (TextColumns::Pair(..), [first, second, target @ ..]) => (Text::Pair(first.clone(), second.clone()), target),
            _ => return Err("a row has the wrong number of columns".into()),
        };
        let target = match reads {
            Reads::Labeled => Some(Target::parse(target, &self.head, self.class_cells)?),
            Reads::Texts => None,
        };
        Ok(Example { text, target })
    }
}

/// One example of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The model's input.
    pub text: Text,
    /// The expected output; `None` for unlabeled text.
    pub target: Option<Target>,
}

/// The text of an example.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// One sentence.
    Single(String),
    /// A pair of sentences.
    Pair(String, String),
}
