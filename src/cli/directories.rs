//! Commands on run directories: list, show, verify, prune.

use clap::Args;

use super::Runs;
use crate::measures::{Age, Size};

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Where to look.
    #[command(flatten)]
    pub runs: Runs,
    /// Prints JSON for programs.
    #[arg(long)]
    pub json: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The run: the beginning of its name or id, a path, or `latest`.
    pub run: String,
    /// Where to look.
    #[command(flatten)]
    pub runs: Runs,
    /// Prints JSON for programs.
    #[arg(long)]
    pub json: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The run: a path, `latest`, the beginning of its id or its directory's name, or its experiment's name.
    pub run: String,
    /// Where to find it.
    #[command(flatten)]
    pub runs: Runs,
}

/// `prune`.
#[derive(Debug, Args)]
pub struct Prune {
    /// Runs, sweeps, folders or patterns; all runs if none is named. A run that is running is left alone.
    #[arg(value_name = "RUN|SWEEP|FOLDER|GLOB")]
    pub which: Vec<String>,
    /// Where to find them.
    #[command(flatten)]
    pub runs: Runs,
    /// Only of runs that ended so long ago: 7d, 12h or 30m.
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
    /// Only of runs from which more than this can go: 500MB, 2GB.
    #[arg(long, value_name = "SIZE")]
    pub larger_than: Option<Size>,
    /// Also of runs that failed or were interrupted, which then cannot go on.
    #[arg(long)]
    pub unfinished: bool,
    /// Says what would go.
    #[arg(long)]
    pub dry_run: bool,
}
