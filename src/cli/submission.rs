//! `gluepot submit`.

use std::path::PathBuf;

use clap::Args;

use super::OutputFormat;

#[derive(Debug, Args)]
#[command(after_help = SUBMIT_EXAMPLES)]
pub struct SubmitArgs {
    /// Check a finished zip: files, headers, rows, indices and values.
    #[arg(long, value_name = "FILE", required = true)]
    pub check: PathBuf,
    #[command(flatten)]
    pub format: OutputFormat,
}

const SUBMIT_EXAMPLES: &str = "\
Examples:
  # Whether GLUE's server would accept these predictions, whichever program has made them
  gluepot submit --check submission.zip";
