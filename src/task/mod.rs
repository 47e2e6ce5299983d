//! Tasks: which texts are read, what is predicted of them, and how predictions are scored.
//!
//! A [`Task`] is a value: it comes from [`glue`] or from whoever makes one, stands whole in `run.json`, and is never looked up
//! by its name again.

mod best;
pub mod glue;
mod head;
mod labels;
pub mod metrics;
mod parquet;
mod parquet_names;
mod prediction;
mod source;
mod split;
mod target;
mod tsv;

use serde::{Deserialize, Serialize};

use metrics::{Direction, LOSS, LOSS_RANGE, Metric};

pub use best::Best;
pub use head::Head;
pub use labels::{Constant, LabelCounts, SplitLabels};
pub use prediction::{Output, Prediction};
pub use source::{Origin, Source, SplitFile, SplitRows};
pub use split::{Split, SplitNames, Splits};
pub use target::{ClassCells, Target};

/// What to learn: from which columns, what to predict, and how that is scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The word in experiment files; also the folder of the hub's parquet files.
    pub name: String,
    /// Columns that hold the text.
    pub text: TextColumns,
    /// Column that holds the class or the number. Where any number of labels applies, each has a column of its own, called as
    /// the label.
    pub target: ColumnName,
    /// What is predicted.
    pub head: Head,
    /// How the target's column says a class.
    #[serde(default)]
    pub class_cells: ClassCells,
    /// Metrics, in the order of their columns.
    pub metrics: Vec<Metric>,
    /// Where the examples are.
    pub splits: Splits,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnName {
    pub name: String,
    /// What .tsv files have instead of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsv: Option<TsvColumn>,
}

/// How a .tsv file names a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TsvColumn {
    /// By another name in the header.
    Name(String),
    /// By its number, counted from 0, in a file without a header.
    Number(usize),
}

impl ColumnName {
    /// A column that has the same name in every format.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), tsv: None }
    }
}

/// The columns that hold the text of an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextColumns {
    /// One sentence.
    Single(ColumnName),
    /// Two sentences that are judged together.
    Pair(ColumnName, ColumnName),
}

impl Task {
    /// The direction of one of the task's metrics or of the loss; none for a metric that the task lacks.
    #[must_use]
    pub fn direction(&self, metric: &str) -> Option<Direction> {
        if metric == LOSS { Some(Direction::Minimize) } else { self.metric(metric).map(|known| known.direction) }
    }

    /// The smallest and the largest score of one of the task's metrics or of the loss; none for a metric that the task lacks.
    #[must_use]
    pub fn range(&self, metric: &str) -> Option<(f64, f64)> {
        if metric == LOSS { Some(LOSS_RANGE) } else { self.metric(metric).map(|known| known.range) }
    }

    /// One of the task's metrics by name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.metrics.iter().find(|known| known.name == name).copied()
    }

    /// What may be written as the metric of an experiment on this task.
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
            Head::Labels(labels) => labels.iter().map(|label| ColumnName::named(label)).collect(),
        }
    }

    /// All columns that are read, the texts first.
    fn columns(&self) -> Vec<ColumnName> {
        [self.text_columns(), self.target_columns()].concat()
    }

    /// An example from the cells of its columns.
    fn example(&self, cells: &[String]) -> Result<Example, String> {
        let (text, target) = match (&self.text, cells) {
            (TextColumns::Single(_), [text, target @ ..]) => (Text::Single(text.clone()), target),
            (TextColumns::Pair(..), [first, second, target @ ..]) => (Text::Pair(first.clone(), second.clone()), target),
            _ => return Err("a row has the wrong number of columns".into()),
        };
        Ok(Example { text, target: Some(Target::parse(target, &self.head, self.class_cells)?) })
    }
}

/// A row of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// What the model reads.
    pub text: Text,
    /// What it should predict; none for text to predict.
    pub target: Option<Target>,
}

/// The text of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// One sentence.
    Single(String),
    /// A pair of sentences.
    Pair(String, String),
}
