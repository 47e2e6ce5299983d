//! The CSV tables of a run directory. Rows are only ever appended, except that a resumed run truncates them to its state.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use anyhow::{Context, Result, ensure};
use csv::Writer;
use serde::{Deserialize, Serialize};

use super::directory::{RunDirectory, files};

/// Sizes of the tables in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    train: u64,
    speed: u64,
    eval: u64,
}

impl Lengths {
    /// The sizes with the tables' names.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, u64); 3] {
        [(files::TRAIN, self.train), (files::SPEED, self.speed), (files::EVAL, self.eval)]
    }
}

/// The three tables, written row by row.
pub struct MetricsFiles {
    train: MetricsFile,
    speed: MetricsFile,
    eval: MetricsFile,
}

/// A single table.
struct MetricsFile {
    name: &'static str,
    writer: Writer<File>,
}

impl MetricsFiles {
    /// Creates the tables; `metrics` are the last columns of `eval.csv`.
    pub fn create<'a>(directory: &RunDirectory, metrics: impl Iterator<Item = &'a str>) -> Result<Self> {
        let eval: Vec<&str> = ["step", "epoch", "split", "loss"].into_iter().chain(metrics).collect();
        Ok(Self {
            train: MetricsFile::create(
                directory,
                files::TRAIN,
                &["step", "epoch", "examples", "loss", "learning_rate", "grad_norm"],
            )?,
            speed: MetricsFile::create(
                directory,
                files::SPEED,
                &["step", "seconds", "examples_per_second", "tokens_per_second"],
            )?,
            eval: MetricsFile::create(directory, files::EVAL, &eval)?,
        })
    }

    /// Reopens the tables at these lengths, cutting off later rows.
    ///
    /// # Errors
    /// A file cannot be written, or is shorter than recorded.
    pub fn reopen(directory: &RunDirectory, lengths: Lengths) -> Result<Self> {
        Ok(Self {
            train: MetricsFile::reopen(directory, files::TRAIN, lengths.train)?,
            speed: MetricsFile::reopen(directory, files::SPEED, lengths.speed)?,
            eval: MetricsFile::reopen(directory, files::EVAL, lengths.eval)?,
        })
    }

    /// Adds a row to `train.csv`.
    pub fn train(&mut self, fields: &[String]) -> Result<()> {
        self.train.write(fields)
    }

    /// Adds a row to `speed.csv`.
    pub fn speed(&mut self, fields: &[String]) -> Result<()> {
        self.speed.write(fields)
    }

    /// Adds a row to `eval.csv`.
    pub fn eval(&mut self, fields: &[String]) -> Result<()> {
        self.eval.write(fields)
    }

    /// Syncs all rows to disk and returns the tables' sizes.
    pub fn sync(&mut self) -> Result<Lengths> {
        Ok(Lengths { train: self.train.sync()?, speed: self.speed.sync()?, eval: self.eval.sync()? })
    }
}

impl MetricsFile {
    fn create(directory: &RunDirectory, name: &'static str, header: &[&str]) -> Result<Self> {
        let file = File::create(directory.path(name)).with_context(|| format!("cannot write {name}"))?;
        let mut table = Self { name, writer: Writer::from_writer(file) };
        table.write(header)?;
        Ok(table)
    }

    fn reopen(directory: &RunDirectory, name: &'static str, length: u64) -> Result<Self> {
        let named = || format!("cannot continue {name}");
        let mut file = File::options().write(true).open(directory.path(name)).with_context(named)?;
        let found = file.metadata().with_context(named)?.len();
        ensure!(found >= length, "cannot continue {name}: it has {found} bytes, fewer than the {length} that were written");
        file.set_len(length).and_then(|()| file.seek(SeekFrom::End(0))).with_context(named)?;
        Ok(Self { name, writer: Writer::from_writer(file) })
    }

    /// Writes a row and flushes it to the operating system, so that no row is buffered in this process.
    fn write(&mut self, fields: &[impl AsRef<[u8]>]) -> Result<()> {
        let written = self.writer.write_record(fields).map_err(anyhow::Error::from);
        written.and_then(|()| Ok(self.writer.flush()?)).with_context(|| format!("cannot write {}", self.name))
    }

    fn sync(&mut self) -> Result<u64> {
        let sync = || {
            let file = self.writer.get_ref();
            file.sync_data()?;
            Ok::<u64, std::io::Error>(file.metadata()?.len())
        };
        sync().with_context(|| format!("cannot write {}", self.name))
    }
}
