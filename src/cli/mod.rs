//! The command line, as clap reads it.

mod comparisons;
mod directories;
mod inputs;
mod sweeps;
mod training;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

pub use comparisons::{Compare, Diff, Format, Report, Selection};
pub use directories::{List, Prune, Show, Verify};
pub use inputs::{Experiments, Kernels, Runs, overrides};
pub use sweeps::{Sweep, Trial};
pub use training::{Bench, Check, Resume, Run};

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
