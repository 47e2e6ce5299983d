//! `[task]`: a task with files of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MetricName, SettingProblem};
use crate::table::TableOptions;
use crate::task::{ClassCells, ColumnName, Head, Splits, Task, TextColumns, glue};

/// A task on your own data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnTask {
    /// Name of the task in tables and reports.
    #[schemars(length(min = 1), extend("x-effect" = false))]
    pub name: String,
    /// Files to train on: a path, a glob or a list of them (.csv, .tsv, .jsonl, .parquet; all but parquet also .gz or .zst), or
    /// "hub:owner/name" for a data set on the Hugging Face hub.
    #[schemars(extend("x-path" = true, "x-sweep" = false))]
    pub train: OneOrMore,
    /// Files to evaluate on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-path" = true, "x-sweep" = false))]
    pub validation: Option<OneOrMore>,
    /// Instead of `validation`: the share of the training files to evaluate on, the same share of each class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1, "x-sweep" = false))]
    pub validation_share: Option<f64>,
    /// Seed that draws the validation share, the same for all seeds of a variant.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807_i64), extend("x-sweep" = false))]
    pub split_seed: u64,
    /// Files for `gluepot evaluate` and `gluepot predict`; labels are optional there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-path" = true, "x-effect" = false))]
    pub test: Option<OneOrMore>,
    /// Column with the text, or two columns for pairs of texts.
    #[schemars(extend("x-sweep" = false))]
    pub text: OneOrMore,
    /// Column with the label or the number. For "multi_label": a column with a list of labels, or a column of 0 and 1 for each
    /// label, named after it.
    #[schemars(extend("x-sweep" = false))]
    pub label: OneOrMore,
    /// "classification": one of several classes; "regression": a number; "multi_label": any number of labels, each predicted if its
    /// probability is at least 0.5.
    #[serde(default)]
    #[schemars(extend("x-sweep" = false))]
    pub kind: TaskKind,
    /// Labels in the order of their ids. Default: the sorted distinct labels of the training files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sweep" = false, "x-derived" = "labels"))]
    pub labels: Option<Vec<String>>,
    /// Label that `f1`, `precision` and `recall` refer to, if there are two. Default: the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sweep" = false))]
    pub positive: Option<String>,
    /// Metrics to report besides the loss. Default: those usual for the kind of task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sweep" = false))]
    pub metrics: Option<Vec<MetricName>>,
    /// Encoding of the files, such as "windows-1252". Default: UTF-8, or UTF-16 with a byte order mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sweep" = false))]
    pub encoding: Option<String>,
    /// Character between the columns of .csv files. Default: a comma.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1), extend("x-sweep" = false))]
    pub separator: Option<String>,
}

/// A text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(#[schemars(length(min = 1))] String),
    /// Several.
    More(#[schemars(length(min = 1), inner(length(min = 1)))] Vec<String>),
}

impl OneOrMore {
    /// Returns the texts.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}

/// What a task predicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// One of several classes.
    #[default]
    Classification,
    /// A number.
    Regression,
    /// Any number of several labels.
    MultiLabel,
}

impl TaskKind {
    /// Returns the metrics reported unless others are asked for.
    fn usual_metrics(self, labels: usize) -> &'static [&'static str] {
        match self {
            Self::Classification if labels == 2 => &["accuracy", "f1"],
            Self::Classification => &["accuracy", "macro_f1"],
            Self::Regression => &["pearson", "spearman", "mse"],
            Self::MultiLabel => &["micro_f1", "macro_f1"],
        }
    }
}

impl OwnTask {
    /// Returns the labels that do not have to be read from the training files.
    #[must_use]
    pub fn known_labels(&self) -> Option<Vec<String>> {
        let columns = self.label.all();
        match self.kind {
            TaskKind::Regression => Some(Vec::new()),
            TaskKind::MultiLabel if columns.len() > 1 => Some(columns.to_vec()),
            TaskKind::MultiLabel | TaskKind::Classification => self.labels.clone(),
        }
    }

    /// Returns how the files are written.
    ///
    /// # Errors
    /// The encoding or the separator is unknown.
    pub fn table_options(&self) -> Result<TableOptions, SettingProblem> {
        let problem = |path: &'static str| move |message: String| SettingProblem::new(path, message);
        Ok(TableOptions {
            format: None,
            encoding: self.encoding.as_deref().map(str::parse).transpose().map_err(problem("task.encoding"))?,
            separator: self.separator.as_deref().map(str::parse).transpose().map_err(problem("task.separator"))?,
        })
    }

    /// Returns the task with these labels.
    #[must_use]
    pub fn task(&self, labels: Vec<String>) -> Task {
        let column = |index: usize| ColumnName::named(self.text.all().get(index).map_or("", String::as_str));
        let positive = self.positive.as_ref().and_then(|positive| labels.iter().position(|label| label == positive));
        let usual = self.kind.usual_metrics(labels.len()).iter().filter_map(|name| crate::task::metrics::Metric::named(name));
        let metrics = match &self.metrics {
            Some(metrics) => metrics.iter().filter_map(MetricName::metric).collect(),
            None => usual.collect(),
        };
        Task {
            name: self.name.clone(),
            text: if self.text.all().len() == 2 {
                TextColumns::Pair(column(0), column(1))
            } else {
                TextColumns::Single(column(0))
            },
            // Labels with a column each have no column in common.
            target: ColumnName::named(if let [one] = self.label.all() { one } else { "" }),
            head: match self.kind {
                TaskKind::Classification => Head::Classes(labels),
                TaskKind::MultiLabel => Head::Labels(labels),
                TaskKind::Regression => Head::Value,
            },
            // Labels that were read from the files are what the files contain.
            class_cells: if self.labels.is_some() { ClassCells::NamesOrIds } else { ClassCells::Names },
            positive: positive.and_then(|index| u32::try_from(index).ok()),
            metrics,
            splits: Splits::default(),
        }
    }

    /// Returns everything that is inconsistent.
    #[must_use]
    pub fn problems(&self, data_source: &str) -> Vec<SettingProblem> {
        let mut problems: Vec<SettingProblem> = self.table_options().err().into_iter().collect();
        let mut add = |path: &str, message: String, help: &str| {
            problems.push(SettingProblem::new(&format!("task.{path}"), message).help(help));
        };
        if glue::task(&self.name).is_some() || self.name == glue::diagnostics().name {
            add("name", format!("\"{}\" is the name of a GLUE task", self.name), "choose another name");
        }
        if data_source != "hub" {
            let message = format!("the task has files of its own, and data.source is \"{data_source}\"");
            add("train", message, "remove `data.source`: it is for GLUE tasks");
        }
        match (&self.validation, self.validation_share) {
            (None, None) => {
                add("validation", "there is nothing to evaluate on".into(), "set `validation`, or `validation_share = 0.1`");
            }
            (Some(_), Some(_)) => {
                add("validation_share", "both `validation` and `validation_share` are set".into(), "remove one of them");
            }
            _ => {}
        }
        let (text, label) = (self.text.all().len(), self.label.all().len());
        if text > 2 {
            add("text", format!("{text} columns of text"), "an example has one text, or a pair of two");
        }
        if label > 1 && self.kind != TaskKind::MultiLabel {
            add("label", format!("{label} columns of labels"), "several are for kind = \"multi_label\"");
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        if let Some((index, twice)) = labels.iter().enumerate().find(|(index, label)| labels[..*index].contains(label)) {
            add(
                "labels",
                format!("\"{twice}\" is listed twice, the second time as number {}", index + 1),
                "list each label once",
            );
        }
        match self.kind {
            TaskKind::Regression if self.labels.is_some() => {
                add("labels", "a regression task has no labels".into(), "remove `labels`, or set kind = \"classification\"");
            }
            TaskKind::Classification if self.labels.is_some() && labels.len() < 2 => {
                add("labels", "a classification task needs at least two labels".into(), "list all labels");
            }
            TaskKind::MultiLabel if label > 1 && self.labels.is_some() => {
                add("labels", "each column of `label` is a label already".into(), "remove `labels`");
            }
            _ => {}
        }
        if let Some(positive) = &self.positive {
            if self.kind != TaskKind::Classification || (self.labels.is_some() && labels.len() != 2) {
                add("positive", "only a classification task with two labels has a positive one".into(), "remove `positive`");
            } else if self.labels.is_some() && !labels.contains(positive) {
                add("positive", format!("\"{positive}\" is not one of the labels"), "name one of `labels`");
            }
        }
        problems
    }
}
