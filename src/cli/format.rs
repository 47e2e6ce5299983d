//! `--format`: how results are printed.

use clap::{Args, ValueEnum};

/// Output formats of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for terminals.
    Text,
    /// A table for pages and pull requests.
    #[value(alias = "md")]
    Markdown,
    /// A table for papers, with the rules of the package booktabs.
    #[value(alias = "tex")]
    Latex,
    /// Comma-separated values.
    Csv,
    /// Everything, for programs.
    Json,
}

/// Output formats of anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `--format` of a command that prints a table.
#[derive(Debug, Args)]
pub struct TableFormat {
    /// Output format: text, markdown, latex, csv or json; csv and json keep every digit.
    #[arg(long, value_enum, default_value_t = Format::Text, hide_possible_values = true)]
    format: Format,
    /// The same as `--format json`.
    #[arg(long, hide = true, conflicts_with = "format")]
    json: bool,
}

impl TableFormat {
    /// Returns the requested format.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// `--format` of a command that prints no table.
#[derive(Debug, Args)]
pub struct OutputFormat {
    /// Output format: text, or json for programs.
    #[arg(long, value_enum, default_value_t = TextOrJson::Text, hide_possible_values = true)]
    format: TextOrJson,
    /// The same as `--format json`.
    #[arg(long, hide = true, conflicts_with = "format")]
    json: bool,
}

impl OutputFormat {
    /// Returns whether the output is JSON for programs.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json || self.format == TextOrJson::Json
    }
}
