//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::compare::Filter;
use crate::experiment::Override;
use crate::measures::{Age, Size};
use crate::settings::DeviceChoice;
use crate::train::Device;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

/// Fine-tunes BERT on GLUE from a TOML file.
#[derive(Debug, Parser)]
#[command(name = "gluepot", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  gluepot run experiments/quickstart.toml            train a small model, with no network
  gluepot check experiments/mrpc.toml                show every setting, and the steps it takes
  gluepot run experiments/mrpc.toml --set seed=1     train, with one setting changed
  gluepot run experiments/mrpc.toml --set data.source=../glue --set checkpoint=./bert
                                                     train offline, from folders
  gluepot sweep experiments/mrpc.toml --axis learning_rate=[2e-5,5e-5] --seeds 1..5
                                                     every variant with every seed, and what that shows
  gluepot compare                                    all runs as variants, with statistics over their seeds
  gluepot show latest                                scores and the learning curve of the last run

An experiment file needs no more than this:
  task = \"mrpc\"                     # mrpc | sst2
  checkpoint = \"bert-base-uncased\"  # a hub id, id@revision, or a folder
  learning_rate = 5e-5
  epochs = 3
  metric = \"f1\"                     # picks the best checkpoint";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trains what experiment files describe, one run directory each.
    Run(Run),
    /// Trains every variant that an experiment's sweep describes, each in a process of its own.
    Sweep(Sweep),
    /// Goes on with a run that was interrupted, exactly where it was; --epochs trains a finished one for longer.
    Resume(Resume),
    /// Runs one trial of a sweep, for `sweep`.
    #[command(hide = true)]
    Trial(Trial),
    /// Resolves experiments and prints the plan: every setting with its origin, examples, steps.
    Check(Check),
    /// Lists the runs.
    List(List),
    /// Shows one run: settings, scores, learning curve.
    Show(Show),
    /// Compares runs: which settings are better, by how much, and is that real.
    Compare(Compare),
    /// Writes a page with the comparison, learning curves and every score.
    Report(Report),
    /// Shows the settings in which two runs differ, and their scores.
    Diff(Diff),
    /// Looks whether a run directory is what its run wrote: hashes, metrics against the summary, weights that load.
    Verify(Verify),
    /// Removes what no finished run needs any more: states, and checkpoints other than the best.
    Prune(Prune),
    /// Measures how fast an experiment trains here.
    Bench(Bench),
    /// Prints the JSON Schema of experiment files.
    Schema,
    /// Lists the devices that can train.
    Devices,
}

/// Experiment files and what changes them.
#[derive(Debug, Args)]
pub struct Experiments {
    /// Experiment files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Changes a setting: a dotted path and a TOML value, such as data.batch_size=16.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
}

/// The overrides of `--set`, and of `--device` where it is given.
#[must_use]
pub fn overrides(set: &[Override], device: Option<DeviceChoice>) -> Vec<Override> {
    let device = device.map(|device| Override { path: "device".into(), value: device.to_string(), option: "--device" });
    set.iter().cloned().chain(device).collect()
}

/// Where runs are.
#[derive(Debug, Args)]
pub struct Runs {
    /// Folder for runs.
    #[arg(long = "runs", value_name = "DIR", env = "GLUEPOT_RUNS", default_value = "runs")]
    pub root: PathBuf,
}

/// Who computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kernels {
    /// Fused operations, where the device has them.
    Fused,
    /// Burn's own operations, which the others are held to.
    Reference,
}

impl Kernels {
    /// The device with these kernels.
    #[must_use]
    pub fn on(self, device: Device) -> Device {
        match self {
            Self::Fused => device,
            Self::Reference => device.with_reference_kernels(),
        }
    }
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
    /// Says nothing but errors and the closing summary.
    #[arg(long, short)]
    pub quiet: bool,
}

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

/// `sweep`.
// Switches of a command line are bools.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Args)]
#[command(after_help = SWEEP_EXAMPLES)]
pub struct Sweep {
    /// The experiment file.
    pub file: PathBuf,
    /// Lets a setting vary: a dotted path and a list of values, such as learning_rate=[2e-5,5e-5].
    #[arg(long = "axis", value_name = "PATH=VALUES", value_parser = Override::parse)]
    pub axes: Vec<Override>,
    /// Trains each variant once with each seed: 1..5 or 1,2,3.
    #[arg(long, value_name = "SEEDS", value_parser = parse_seeds)]
    pub seeds: Option<Seeds>,
    /// Changes a setting: a dotted path and a TOML value, such as data.batch_size=16.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
    /// Trains so many trials at once.
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub jobs: std::num::NonZeroUsize,
    /// Shows the trials, their steps and an estimate of the time, and runs nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Does failed trials again.
    #[arg(long)]
    pub retry_failed: bool,
    /// Takes finished runs of the same training from elsewhere below the folder for runs.
    #[arg(long)]
    pub reuse: bool,
    /// Begins a new sweep, although one of this experiment is there to go on with.
    #[arg(long)]
    pub fresh: bool,
    /// Trains on this device: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Says nothing but errors and the comparison at the end.
    #[arg(long, short)]
    pub quiet: bool,
    /// Where to put the sweep.
    #[command(flatten)]
    pub runs: Runs,
}

const SWEEP_EXAMPLES: &str = "\
Examples:
  gluepot sweep experiments/mrpc.toml --axis learning_rate=[2e-5,5e-5] --seeds 1..5 --dry-run
  gluepot sweep sweep.toml --jobs 4            four trials at once; the same command again goes on where it ended
  gluepot sweep sweep.toml --retry-failed      does what failed again

In a file:
  base = \"mrpc.toml\"
  [sweep]
  seeds = [1, 2, 3, 4, 5]
  [sweep.axes]
  learning_rate = [2e-5, 5e-5]
  \"data.batch_size\" = [8, 16]";

/// Seeds as a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// Reads `1..5`, both ends included, or `1,2,3`.
fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("\"{text}\" is no seed; write 1..5 or 1,2,3"));
    let seeds = match text.split_once("..") {
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
            if last < first || last - first >= 100_000 {
                return Err(format!("{first}..{last} is no range of seeds; both ends belong to it, as in 1..5"));
            }
            (first..=last).collect()
        }
        None => text.split(',').map(number).collect::<Result<Vec<u64>, String>>()?,
    };
    Ok(Seeds(seeds))
}

impl Sweep {
    /// Everything that the command line changes.
    #[must_use]
    pub fn overrides(&self) -> Vec<Override> {
        let axis =
            |axis: &Override| Override { path: format!("sweep.axes.{}", axis.path), value: axis.value.clone(), option: "--axis" };
        let seeds = self.seeds.as_ref().map(|Seeds(seeds)| {
            let list: Vec<String> = seeds.iter().map(u64::to_string).collect();
            Override { path: "sweep.seeds".into(), value: format!("[{}]", list.join(", ")), option: "--seeds" }
        });
        overrides(&self.set, self.device).into_iter().chain(self.axes.iter().map(axis)).chain(seeds).collect()
    }
}

/// `trial`.
#[derive(Debug, Args)]
pub struct Trial {
    /// The sweep's directory.
    pub sweep: PathBuf,
    /// The trial's id.
    pub trial: String,
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
    /// Trains on this device: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Prints JSON for programs.
    #[arg(long)]
    pub json: bool,
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
