//! Arguments of the commands on experiments: check, run, resume, bench.

use std::path::PathBuf;

use clap::Args;

use super::{Experiments, KernelsArgument, OutputFormat, Overrides, Quiet, Runs};
use crate::sweep::Jobs;

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub experiments: Experiments,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub kernels: KernelsArgument,
    #[command(flatten)]
    pub quiet: Quiet,
    #[command(flatten)]
    pub format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run or sweep: the beginning of its name or id, a path, or `latest`.
    #[arg(value_name = "RUN|SWEEP")]
    pub run: String,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Total number of epochs, to train a finished run for longer.
    #[arg(long, value_name = "N")]
    pub epochs: Option<std::num::NonZeroU32>,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Trials of a sweep to train in parallel, or auto.
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<Jobs>,
    /// Retry failed trials of a sweep.
    #[arg(long)]
    pub retry_failed: bool,
    #[command(flatten)]
    pub quiet: Quiet,
    #[command(flatten)]
    pub format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub experiments: Experiments,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The experiment file.
    pub file: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Timed steps.
    #[arg(long, default_value = "20")]
    pub steps: std::num::NonZeroUsize,
    /// Warm-up steps, not timed.
    #[arg(long, default_value_t = 3)]
    pub warm_up: usize,
    #[command(flatten)]
    pub kernels: KernelsArgument,
    /// Launch every kernel of every step instead of replaying CUDA graphs.
    #[arg(long)]
    pub no_graphs: bool,
    #[command(flatten)]
    pub format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct DevicesArgs {
    #[command(flatten)]
    pub format: OutputFormat,
}
