//! Arguments of the commands on sweeps.

use std::path::PathBuf;

use clap::Args;

use super::{DeviceArgument, OutputFormat, Overrides, Quiet, Runs};
use crate::experiment::Override;
use crate::sweep::Jobs;

/// `sweep`.
// Each bool is a switch of the command line.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Args)]
#[command(after_help = SWEEP_EXAMPLES)]
pub struct SweepArgs {
    /// The experiment file.
    pub file: PathBuf,
    /// Vary a setting: a dotted path and a list of values, such as learning_rate=[2e-5,5e-5].
    #[arg(long = "axis", value_name = "PATH=VALUES", value_parser = Override::parse)]
    pub axes: Vec<Override>,
    /// Seeds to train each variant with: 1..5 (1 to 5, both included) or 1,2,3.
    #[arg(long, value_name = "SEEDS", value_parser = parse_seeds)]
    pub seeds: Option<Seeds>,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Trials to train in parallel; auto: as many as fit in memory and still raise total throughput.
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub jobs: Jobs,
    /// Show the trials, their steps and the estimated time, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Retry failed trials.
    #[arg(long)]
    pub retry_failed: bool,
    /// Reuse finished runs of the same training found anywhere under --runs.
    #[arg(long)]
    pub reuse: bool,
    /// Start a new sweep even if one of this experiment can be continued.
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub quiet: Quiet,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub format: OutputFormat,
}

const SWEEP_EXAMPLES: &str = "\
Examples:
  # Show what would be trained
  gluepot sweep experiments/mrpc.toml \\
      --axis learning_rate=[2e-5,5e-5] --seeds 1..5 --dry-run
  # Train four trials in parallel; run it again to continue
  gluepot sweep sweep.toml --jobs 4
  # Retry the failed trials
  gluepot sweep sweep.toml --retry-failed

In a file:
  base = \"mrpc.toml\"
  [sweep]
  seeds = [1, 2, 3, 4, 5]
  [sweep.axes]
  learning_rate = [2e-5, 5e-5]
  \"data.batch_size\" = [8, 16]";

impl SweepArgs {
    /// Returns every override from the command line, including axes and seeds.
    #[must_use]
    pub fn all_overrides(&self) -> Vec<Override> {
        let axis =
            |axis: &Override| Override { path: format!("sweep.axes.{}", axis.path), value: axis.value.clone(), option: "--axis" };
        let seeds = self.seeds.as_ref().map(|Seeds(seeds)| {
            let list: Vec<String> = seeds.iter().map(u64::to_string).collect();
            Override { path: "sweep.seeds".into(), value: format!("[{}]", list.join(", ")), option: "--seeds" }
        });
        self.overrides.all().into_iter().chain(self.axes.iter().map(axis)).chain(seeds).collect()
    }
}

/// A list of seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// Parses `1..5`, both ends included, or `1,2,3`.
fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let number =
        |text: &str| text.trim().parse::<u64>().map_err(|_| format!("\"{text}\" is not a valid seed; write 1..5 or 1,2,3"));
    let seeds = match text.split_once("..") {
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
            if last < first || last - first >= 100_000 {
                return Err(format!("{first}..{last} is not a valid range of seeds; both ends are included, as in 1..5"));
            }
            (first..=last).collect()
        }
        None if text.contains(',') => text.split(',').map(number).collect::<Result<Vec<u64>, String>>()?,
        // It could be a number of seeds or a single seed: a wrong guess costs a whole sweep.
        None => return Err(ambiguous(number(text)?)),
    };
    Ok(Seeds(seeds))
}

fn ambiguous(number: u64) -> String {
    let several = if number < 2 { "1..5 for seeds 1 to 5".into() } else { format!("1..{number} for {number} seeds") };
    format!("a single number is ambiguous: write {several}, or {number}..{number} for seed {number} alone")
}

#[derive(Debug, Args)]
pub struct TrialArgs {
    /// The sweep's directory.
    pub sweep: PathBuf,
    /// The trial's id.
    pub trial: String,
    #[command(flatten)]
    pub device: DeviceArgument,
}
