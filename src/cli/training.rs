//! Commands on experiments: check, run, resume, bench.

use std::path::PathBuf;

use clap::Args;

use super::{Experiments, Kernels, Runs};
use crate::experiment::Override;
use crate::settings::DeviceChoice;
use crate::sweep::Jobs;

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// What to run.
    #[command(flatten)]
    pub experiments: Experiments,
    /// Where to put the run directories.
    #[command(flatten)]
    pub runs: Runs,
    /// Trains on this device: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Who computes: fused operations where the device has them, or Burn's own over padded batches.
    #[arg(long, value_enum, default_value_t = Kernels::Fused)]
    pub kernels: Kernels,
    /// Says nothing but errors and the closing summary.
    #[arg(long, short)]
    pub quiet: bool,
}

/// `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// The run: a path, `latest`, the beginning of its id or its directory's name, or its experiment's name.
    pub run: String,
    /// Where to find it.
    #[command(flatten)]
    pub runs: Runs,
    /// Trains for so many epochs in all instead of those planned.
    #[arg(long, value_name = "N")]
    pub epochs: Option<std::num::NonZeroU32>,
    /// Changes a setting that does not decide the outcome: a dotted path and a TOML value, such as logging.every=1.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
    /// Trains on this device: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Of a sweep: trials to train in parallel, or auto.
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<Jobs>,
    /// Of a sweep: retry failed trials.
    #[arg(long)]
    pub retry_failed: bool,
    /// Says nothing but errors and the closing summary.
    #[arg(long, short)]
    pub quiet: bool,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// What to check.
    #[command(flatten)]
    pub experiments: Experiments,
    /// Plans for this device: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Prints JSON for programs.
    #[arg(long)]
    pub json: bool,
}

/// `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// The experiment file.
    pub file: PathBuf,
    /// Changes a setting: a dotted path and a TOML value, such as data.batch_size=16.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
    /// Steps that count.
    #[arg(long, default_value = "20")]
    pub steps: std::num::NonZeroUsize,
    /// Steps before them that do not.
    #[arg(long, default_value_t = 3)]
    pub warm_up: usize,
    /// Who computes: fused operations where the device has them, or Burn's own over padded batches.
    #[arg(long, value_enum, default_value_t = Kernels::Fused)]
    pub kernels: Kernels,
    /// Launches every kernel of every step, where a GPU would replay recorded steps (CUDA graphs).
    #[arg(long)]
    pub no_graphs: bool,
    /// Trains on this device: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Prints JSON for programs.
    #[arg(long)]
    pub json: bool,
}
