//! The run's `log.txt`, and which of its lines are also printed.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::Utc;

use super::Loudness;
use crate::terminal::{self, Width, masked, paragraph};

/// A run's log.
pub struct RunLog {
    loudness: Loudness,
    file: File,
}

impl RunLog {
    /// Opens the log; earlier lines are kept.
    pub fn open(loudness: Loudness, path: &Path) -> Result<Self> {
        let file =
            File::options().create(true).append(true).open(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { loudness, file })
    }

    /// Returns how much is printed.
    pub(super) fn loudness(&self) -> Loudness {
        self.loudness
    }

    /// Prints a line on standard error, unless quiet, and writes it to the log.
    pub fn print(&mut self, line: &str) -> Result<()> {
        if self.loudness == Loudness::Normal {
            terminal::complain(&paragraph(&masked(line), Width::of_stderr()));
        }
        self.write(line)
    }

    /// Writes a line only to the log.
    pub fn write(&mut self, line: &str) -> Result<()> {
        let time = Utc::now().format("%Y-%m-%dT%H:%M:%SZ");
        masked(line).lines().try_for_each(|line| writeln!(self.file, "{time} {line}")).context("cannot write log.txt")
    }
}
