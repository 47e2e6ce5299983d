//! Commands on experiments: check, run, resume, bench.

use std::path::PathBuf;

use clap::Args;

use super::{Experiments, Kernels, OutputFormat, Runs};
use crate::experiment::Override;
use crate::settings::DeviceChoice;
use crate::sweep::Jobs;

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Experiments.
    #[command(flatten)]
    pub experiments: Experiments,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Device to train on: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Kernels to use: fused, or reference (Burn's own operations over padded batches, slower).
    #[arg(long, value_enum, default_value_t = Kernels::Fused, hide_possible_values = true)]
    pub kernels: Kernels,
    /// Print only errors and the final summary.
    #[arg(long, short)]
    pub quiet: bool,
    /// Output format.
    #[command(flatten)]
    pub format: OutputFormat,
}

/// `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// The run or sweep: the beginning of its name or id, a path, or `latest`.
    #[arg(value_name = "RUN|SWEEP")]
    pub run: String,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Total number of epochs, to train a finished run for longer.
    #[arg(long, value_name = "N")]
    pub epochs: Option<std::num::NonZeroU32>,
    /// Override a setting that does not affect the outcome: a dotted path and a TOML value, such as logging.every=1.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
    /// Device to train on: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Trials of a sweep to train in parallel, or auto.
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<Jobs>,
    /// Retry failed trials of a sweep.
    #[arg(long)]
    pub retry_failed: bool,
    /// Print only errors and the final summary.
    #[arg(long, short)]
    pub quiet: bool,
    /// Output format.
    #[command(flatten)]
    pub format: OutputFormat,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Experiments.
    #[command(flatten)]
    pub experiments: Experiments,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Device to plan for: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Output format.
    #[command(flatten)]
    pub format: OutputFormat,
}

/// `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// The experiment file.
    pub file: PathBuf,
    /// Override a setting: a dotted path and a TOML value, such as data.batch_size=16.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Timed steps.
    #[arg(long, default_value = "20")]
    pub steps: std::num::NonZeroUsize,
    /// Warm-up steps, not timed.
    #[arg(long, default_value_t = 3)]
    pub warm_up: usize,
    /// Kernels to use: fused, or reference (Burn's own operations over padded batches, slower).
    #[arg(long, value_enum, default_value_t = Kernels::Fused, hide_possible_values = true)]
    pub kernels: Kernels,
    /// Launch every kernel of every step instead of replaying CUDA graphs.
    #[arg(long)]
    pub no_graphs: bool,
    /// Device to train on: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Output format.
    #[command(flatten)]
    pub format: OutputFormat,
}

/// `devices`.
#[derive(Debug, Args)]
pub struct Devices {
    /// Output format.
    #[command(flatten)]
    pub format: OutputFormat,
}
