//! The command line, as parsed by clap.

mod comparisons;
mod directories;
mod format;
mod inference;
mod inputs;
mod submission;
mod suggestions;
mod sweeps;
mod training;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

pub use comparisons::{CompareArgs, DiffArgs, ReportArgs, Selection};
pub use directories::{ListArgs, PruneArgs, ShowArgs, VerifyArgs};
pub use format::{Format, OutputFormat, TableFormat, TextOrJson};
pub use inference::{EvaluateArgs, ModelArguments, PredictArgs, RowFormat};
pub use inputs::{DeviceArgument, Experiments, KernelsArgument, Overrides, Quiet, Runs};
pub use submission::SubmitArgs;
pub use suggestions::parse;
pub use sweeps::{SweepArgs, TrialArgs};
pub use training::{BenchArgs, CheckArgs, DevicesArgs, ResumeArgs, RunArgs};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

/// Fine-tune BERT on GLUE or on your own data, from a TOML file.
#[derive(Debug, Parser)]
#[command(name = "gluepot", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  # Train a small model, no network needed
  gluepot run experiments/quickstart.toml
  # Show every setting and the number of steps
  gluepot check experiments/mrpc.toml
  # Train with some settings changed, offline, from folders
  gluepot run experiments/mrpc.toml --set seed=1 \\
      --set data.source=../glue --set checkpoint=./bert
  # Train every variant with every seed, and compare
  gluepot sweep experiments/mrpc.toml --axis learning_rate=[2e-5,5e-5] --seeds 1..5
  # Compare all runs, with statistics over seeds
  gluepot compare
  # Label new text with the best checkpoint of the last run
  gluepot predict latest reviews.csv
  # Show scores and learning curve of the last run
  gluepot show latest

A complete experiment file:
  task = \"mrpc\"                     # a GLUE task, or a table for your own data
  checkpoint = \"bert-base-uncased\"  # a hub id, id@revision, a folder, or run:ID
  learning_rate = 5e-5
  epochs = 3
  metric = \"f1\"                     # picks the best checkpoint";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train the given experiments, one run directory each.
    #[command(visible_alias = "train")]
    Run(RunArgs),
    /// Train every variant of an experiment with every seed, and compare them.
    Sweep(SweepArgs),
    /// Resume an interrupted run or sweep exactly where it stopped; with --epochs, train a finished run for longer.
    Resume(ResumeArgs),
    /// Train one trial of a sweep; started by `sweep`.
    #[command(hide = true)]
    Trial(TrialArgs),
    /// Check experiments and print the plan: every setting with its origin, examples, steps, disk space.
    Check(CheckArgs),
    /// List runs and sweeps.
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show a run (settings, scores, learning curve) or a sweep (its trials and the best run).
    Show(ShowArgs),
    /// Compare runs: which settings are better, by how much, and whether the difference is statistically significant.
    Compare(CompareArgs),
    /// Write an HTML page with the comparison, learning curves and every score.
    Report(ReportArgs),
    /// Show the settings in which two runs differ, and their scores.
    Diff(DiffArgs),
    /// Verify that run directories are intact: hashes, metrics against the summary, weights that load.
    Verify(VerifyArgs),
    /// Remove what finished runs no longer need: states, and checkpoints that checkpoints.keep does not name.
    Prune(PruneArgs),
    /// Evaluate a fine-tuned model: every metric with its 95% confidence interval.
    #[command(alias = "eval")]
    Evaluate(EvaluateArgs),
    /// Predict labels and probabilities for new text.
    Predict(PredictArgs),
    /// Write a submission to GLUE from runs, or check a finished one.
    Submit(SubmitArgs),
    /// Measure how fast an experiment trains on this machine.
    Bench(BenchArgs),
    /// Print the JSON Schema of experiment files.
    Schema,
    /// List the devices that can train.
    Devices(DevicesArgs),
}
