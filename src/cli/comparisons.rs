//! Arguments of the commands on several runs: compare, report, diff.

use std::path::PathBuf;

use clap::Args;

use super::{OutputFormat, Runs, TableFormat};
use crate::compare::Filter;

/// Which runs are compared, and how.
#[derive(Debug, Args)]
pub struct Selection {
    /// Runs to compare: names, ids, paths, sweeps, experiment names, folders or globs [default: all runs].
    #[arg(value_name = "RUN")]
    pub which: Vec<String>,
    /// Group runs by these settings only.
    #[arg(long, value_delimiter = ',', value_name = "SETTING")]
    pub by: Vec<String>,
    /// Variant to compare the others with: setting=value, or one of its runs [default: the oldest].
    #[arg(long, value_name = "VARIANT")]
    pub reference: Option<String>,
    /// Only runs matching a condition on settings, metrics and status.
    #[arg(long, value_name = "CONDITION", value_parser = Filter::parse)]
    pub filter: Option<Filter>,
    /// Sort by a setting, n or time instead of the score.
    #[arg(long, value_name = "NAME")]
    pub sort: Option<String>,
    /// Compare by this metric instead of the experiments' own.
    #[arg(long)]
    pub metric: Option<String>,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
}

#[derive(Debug, Args)]
#[command(after_help = COMPARE_EXAMPLES)]
pub struct CompareArgs {
    /// What to compare.
    #[command(flatten)]
    pub selection: Selection,
    /// Output format.
    #[command(flatten)]
    pub format: TableFormat,
    /// Print only the table over tasks: a row per variant, a column per task.
    #[arg(long, conflicts_with = "examples")]
    pub tasks: bool,
    /// Compare two runs example by example.
    #[arg(long)]
    pub examples: bool,
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  # All runs below runs/
  gluepot compare
  # Runs of one experiment against a baseline
  gluepot compare mrpc --reference learning_rate=2e-5
  # A table for a pull request
  gluepot compare 'runs/2026-11-*' --format markdown
  # A table for a paper: a row per variant, a column per task
  gluepot compare glue --tasks --format latex
  # Only some runs
  gluepot compare --filter 'f1 > 0.85 and data.batch_size == 16'
  # McNemar's test, and the texts on which two runs differ
  gluepot compare 1e81b8 e4c3ce --examples";

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// What to show.
    #[command(flatten)]
    pub selection: Selection,
    /// File to write, or - for standard output.
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub output: PathBuf,
    /// Also write every plot as an SVG into this folder.
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A run: the beginning of its name or id, a path, or `latest`.
    #[arg(value_name = "RUN")]
    pub first: String,
    /// The run to compare it with.
    #[arg(value_name = "OTHER")]
    pub second: String,
    #[command(flatten)]
    pub format: OutputFormat,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
}
