//! Tasks: what is read, which labels there are, and how predictions are scored.

mod head;
mod labels;
pub mod metrics;
mod parquet;
mod parquet_names;
mod source;
mod target;
mod tsv;

use crate::task::metrics::{ACCURACY, Direction, F1, LOSS, LOSS_RANGE, Metric};
use crate::terminal::brief;

pub use head::Head;
pub use labels::{LabelCounts, SplitLabels};
pub use source::{Origin, Source, SplitFile, SplitRows};
pub use target::Target;

/// A task of GLUE.
#[derive(Debug)]
pub struct Task {
    /// The word in experiment files; also the folder of the hub's parquet files.
    pub name: &'static str,
    /// The folder in GLUE's own layout.
    pub folder: &'static str,
    /// Columns that hold the text: one sentence, or the two of a pair.
    pub text: Columns,
    /// Column that holds the label.
    pub label: Column,
    /// Names of the labels; a label is an index into them.
    pub labels: &'static [&'static str],
    /// Metrics, in the order of their columns.
    pub metrics: &'static [&'static Metric],
}

/// A column's name in the two layouts.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// In the header of GLUE's .tsv files.
    pub tsv: &'static str,
    /// In the hub's parquet files.
    pub parquet: &'static str,
}

/// The text of an example.
#[derive(Clone, Copy, Debug)]
pub enum Columns {
    /// One sentence.
    Single(Column),
    /// Two sentences, of which something is asked together.
    Pair(Column, Column),
}

/// Every task, one row each.
pub static TASKS: &[Task] = &[
    Task {
        name: "mrpc",
        folder: "MRPC",
        text: Columns::Pair(Column { tsv: "#1 String", parquet: "sentence1" }, Column { tsv: "#2 String", parquet: "sentence2" }),
        label: Column { tsv: "Quality", parquet: "label" },
        labels: &["not_equivalent", "equivalent"],
        metrics: &[&ACCURACY, &F1],
    },
    Task {
        name: "sst2",
        folder: "SST-2",
        text: Columns::Single(Column { tsv: "sentence", parquet: "sentence" }),
        label: Column { tsv: "label", parquet: "label" },
        labels: &["negative", "positive"],
        metrics: &[&ACCURACY],
    },
];

impl Task {
    /// The task of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TASKS.iter().find(|task| task.name == name)
    }

    /// The direction of one of the task's metrics or of the loss; none for a metric that the task lacks.
    #[must_use]
    pub fn direction(&self, metric: &str) -> Option<Direction> {
        if metric == LOSS {
            return Some(Direction::Minimize);
        }
        self.metrics.iter().find(|known| known.name == metric).map(|known| known.direction)
    }

    /// The smallest and the largest score of one of the task's metrics or of the loss; none for a metric that the task lacks.
    #[must_use]
    pub fn range(&self, metric: &str) -> Option<(f64, f64)> {
        if metric == LOSS {
            return Some(LOSS_RANGE);
        }
        self.metrics.iter().find(|known| known.name == metric).map(|known| known.range)
    }

    /// What may be written as the metric of an experiment on this task.
    #[must_use]
    pub fn metric_names(&self) -> Vec<&'static str> {
        self.metrics.iter().map(|metric| metric.name).chain([LOSS]).collect()
    }

    /// What a model of this task predicts.
    #[must_use]
    pub fn head(&self) -> Head {
        Head::Classes(self.labels.iter().map(ToString::to_string).collect())
    }

    fn columns(&self) -> Vec<Column> {
        match self.text {
            Columns::Single(one) => vec![one, self.label],
            Columns::Pair(first, second) => vec![first, second, self.label],
        }
    }

    /// An example from the text of its columns.
    fn example(&self, fields: &[String]) -> Result<Example, String> {
        let (text, label) = match fields {
            [first, label] => (Text::Single(first.clone()), label),
            [first, second, label] => (Text::Pair(first.clone(), second.clone()), label),
            _ => return Err("a row has the wrong number of columns".into()),
        };
        let known = label.trim().parse::<usize>().ok().filter(|label| *label < self.labels.len());
        let label = known.ok_or_else(|| {
            format!(
                "the label is \"{}\", expected a number from 0 to {} ({})",
                brief(label),
                self.labels.len() - 1,
                self.labels.join(", ")
            )
        })?;
        Ok(Example { text, label })
    }
}

/// A row of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What the model reads.
    pub text: Text,
    /// An index into the task's labels.
    pub label: usize,
}

/// The text of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// One sentence.
    Single(String),
    /// A pair of sentences.
    Pair(String, String),
}

/// Part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Learnt from.
    Train,
    /// Scored on.
    Validation,
}

impl Split {
    /// The split's name in messages, CSVs and the hub's file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
        }
    }

    fn tsv(self) -> &'static str {
        match self {
            Self::Train => "train.tsv",
            Self::Validation => "dev.tsv",
        }
    }
}
