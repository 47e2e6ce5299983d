//! Commands on several runs: compare, report, diff.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Runs;
use crate::compare::Filter;

/// Which runs are compared, and how.
#[derive(Debug, Args)]
pub struct Selection {
    /// Runs: their names, ids or paths, sweeps, experiments' names, folders, globs. Default: all runs.
    #[arg(value_name = "RUN")]
    pub which: Vec<String>,
    /// Settings that make a variant, where not all of them do.
    #[arg(long, value_delimiter = ',', value_name = "SETTING")]
    pub by: Vec<String>,
    /// The variant that the others are compared with: setting=value, or a run of it. Default: the oldest.
    #[arg(long, value_name = "VARIANT")]
    pub reference: Option<String>,
    /// Only runs that fulfil a condition on settings, metrics and status.
    #[arg(long, value_name = "CONDITION", value_parser = Filter::parse)]
    pub filter: Option<Filter>,
    /// Sorts by a setting, n or time instead of the score.
    #[arg(long, value_name = "NAME")]
    pub sort: Option<String>,
    /// Compares by this metric instead of the experiments' own.
    #[arg(long)]
    pub metric: Option<String>,
    /// Where to look.
    #[command(flatten)]
    pub runs: Runs,
}

/// `compare`.
#[derive(Debug, Args)]
#[command(after_help = COMPARE_EXAMPLES)]
pub struct Compare {
    /// What to compare.
    #[command(flatten)]
    pub selection: Selection,
    /// How the comparison is printed; csv and json hold every digit.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Compares two runs example by example.
    #[arg(long)]
    pub examples: bool,
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  gluepot compare                                      every run below runs/
  gluepot compare mrpc --reference learning_rate=2e-5  the runs of one experiment, against a baseline
  gluepot compare 'runs/2026-11-*' --format markdown   for a pull request
  gluepot compare --filter 'f1 > 0.85 and data.batch_size == 16'
  gluepot compare 1e81b8 e4c3ce --examples             McNemar's test, and the texts on which two runs differ";

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for terminals.
    Text,
    /// A table for pages and pull requests.
    Markdown,
    /// One row a variant.
    Csv,
    /// Everything.
    Json,
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// What to show.
    #[command(flatten)]
    pub selection: Selection,
    /// The page.
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub output: PathBuf,
    /// Writes every plot into this folder too, as an SVG of its own.
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
}

/// `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// A run.
    pub first: String,
    /// Another run.
    pub second: String,
    /// Where to look.
    #[command(flatten)]
    pub runs: Runs,
}
