//! `gluepot submit`.

use std::path::PathBuf;

use clap::Args;

use super::{DeviceArgument, OutputFormat, Runs};

#[derive(Debug, Args)]
#[command(after_help = SUBMIT_EXAMPLES)]
pub struct SubmitArgs {
    /// Runs to take the predictions from, one of each task: names, ids or paths.
    #[arg(value_name = "RUN", conflicts_with = "check")]
    pub which: Vec<String>,
    /// Folder for runs.
    #[command(flatten)]
    pub runs: Runs,
    /// Zip to write.
    #[arg(long, short, value_name = "FILE", required_unless_present = "check")]
    pub output: Option<PathBuf>,
    /// Predict the majority class, which scores about as much as guessing, for tasks without a run.
    #[arg(long, conflicts_with = "check")]
    pub fill: bool,
    #[command(flatten)]
    pub device: DeviceArgument,
    /// Only check a finished zip: files, headers, rows, indices and values.
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pub check: Option<PathBuf>,
    #[command(flatten)]
    pub format: OutputFormat,
}

const SUBMIT_EXAMPLES: &str = "\
Examples:
  # The best checkpoints of a run of each task, as GLUE's server wants them
  gluepot submit cola-run sst2-run mrpc-run stsb-run qqp-run mnli-run qnli-run rte-run wnli-run -o submission.zip
  # Whether GLUE's server would accept these predictions, whichever program has made them
  gluepot submit --check submission.zip";
