//! Arguments of the commands on run directories: list, show, verify, prune.

use clap::Args;

use super::{OutputFormat, Runs, TableFormat};
use crate::compare::Filter;
use crate::numbers::{Age, Size};

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Runs to list: names, ids, paths, sweeps, experiment names, folders or globs [default: all runs and sweeps].
    #[arg(value_name = "RUN")]
    pub which: Vec<String>,
    /// List sweeps only.
    #[arg(long)]
    pub sweeps: bool,
    /// Only runs matching a condition on settings, metrics and status.
    #[arg(long, value_name = "CONDITION", value_parser = Filter::parse, conflicts_with = "sweeps")]
    pub filter: Option<Filter>,
    /// Sort by started, time, steps, status, a setting or, the best first, a metric [default: started].
    #[arg(long, value_name = "NAME", conflicts_with = "sweeps")]
    pub sort: Option<String>,
    /// Show at most this many runs: the newest or, with --sort, the first.
    #[arg(long, value_name = "N", conflicts_with = "sweeps")]
    pub limit: Option<std::num::NonZeroUsize>,
    /// Output format.
    #[command(flatten)]
    pub format: TableFormat,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run or sweep: the beginning of its name or id, a path, or `latest`.
    #[arg(value_name = "RUN|SWEEP")]
    pub run: String,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Runs or sweeps: the beginning of a name or id, a path, or `latest`.
    #[arg(required = true, value_name = "RUN|SWEEP")]
    pub which: Vec<String>,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub format: OutputFormat,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct PruneArgs {
    /// Runs, sweeps, folders or globs [default: all runs, after asking]. A run that is still running is left alone.
    #[arg(value_name = "RUN|SWEEP|FOLDER|GLOB")]
    pub which: Vec<String>,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Only runs that ended at least this long ago: 7d, 12h or 30m.
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
    /// Only runs that would free more than this: 500MB, 2GB.
    #[arg(long, value_name = "SIZE")]
    pub larger_than: Option<Size>,
    /// Prune all runs without asking.
    #[arg(long)]
    pub all: bool,
    /// Include failed and interrupted runs, which can then no longer be resumed.
    #[arg(long)]
    pub unfinished: bool,
    /// Delete failed and interrupted runs altogether, with their directories.
    #[arg(long)]
    pub delete_unfinished: bool,
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub format: OutputFormat,
}
