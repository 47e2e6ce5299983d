//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use crate::experiment::Override;
use crate::settings::DeviceChoice;

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
    /// Resolves experiments and prints the plan: every setting with its origin, examples, steps.
    Check(Check),
    /// Lists the runs.
    List(List),
    /// Shows one run: settings, scores, learning curve.
    Show(Show),
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

/// Where runs are.
#[derive(Debug, Args)]
pub struct Runs {
    /// Folder for runs.
    #[arg(long = "runs", value_name = "DIR", env = "GLUEPOT_RUNS", default_value = "runs")]
    pub root: PathBuf,
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
