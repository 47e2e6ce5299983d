//! Arguments of the commands on fine-tuned models: evaluate, predict.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{DeviceArgument, OutputFormat, Runs};
use crate::inference::ModelName;
use crate::settings::DeviceChoice;

/// The model, and where to compute.
#[derive(Debug, Args)]
pub struct ModelArguments {
    /// Run (its best checkpoint), checkpoint folder, or model on the Hugging Face hub.
    #[arg(value_name = "RUN|CHECKPOINT")]
    pub model: String,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub device: DeviceArgument,
}

impl ModelArguments {
    /// Returns which model to load, and where.
    #[must_use]
    pub fn name(&self) -> ModelName<'_> {
        let root: &Path = &self.runs.root;
        ModelName { name: &self.model, runs: root, device: self.device.device.unwrap_or(DeviceChoice::Auto) }
    }
}

#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Split to evaluate on: validation, test, or validation_mismatched (MNLI).
    #[arg(long, default_value = "validation", conflicts_with = "data")]
    pub split: String,
    /// Evaluate on these files instead: tables with the task's columns, labels among them.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub data: Vec<String>,
    /// Task, for a checkpoint that gluepot did not train: a GLUE task, or an experiment file.
    #[arg(long, value_name = "NAME|FILE")]
    pub task: Option<String>,
    /// Folder with GLUE's files, for `--task` [default: the hub].
    #[arg(long, value_name = "FOLDER")]
    pub source: Option<PathBuf>,
    /// Write the prediction for every example to this CSV file.
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    #[command(flatten)]
    pub format: OutputFormat,
}

/// Formats of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// Comma-separated values.
    Csv,
    /// A JSON object per line.
    Jsonl,
}

#[derive(Debug, Args)]
pub struct PredictArgs {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Table to read (.csv, .tsv, .jsonl, .parquet, .txt; also .gz and .zst), or - for standard input: one text per line, pairs
    /// separated by a tab.
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: String,
    /// Column with the text; give it twice for pairs [default: the task's columns].
    #[arg(long, value_name = "COLUMN")]
    pub text: Vec<String>,
    /// Output format: csv or jsonl.
    #[arg(long, value_enum, default_value_t = RowFormat::Csv, hide_possible_values = true)]
    pub format: RowFormat,
    /// Encoding of the file, such as windows-1252 [default: UTF-8, or UTF-16 with a byte order mark].
    #[arg(long)]
    pub encoding: Option<String>,
    /// Character between the columns of a .csv file [default: a comma].
    #[arg(long, value_name = "CHARACTER")]
    pub separator: Option<String>,
}
