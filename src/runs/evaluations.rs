//! `metrics/eval.csv`, read back.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::directory::files;
use crate::task::VALIDATION;

/// The evaluations of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluations {
    /// The names of the scores in column order, the loss first.
    pub metrics: Vec<String>,
    /// The rows in file order.
    pub rows: Vec<EvaluationRow>,
}

/// The scores of one split at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationRow {
    /// The number of steps taken.
    pub step: u64,
    /// The number of passes over the training split.
    pub epoch: f64,
    /// The split that was scored.
    pub split: String,
    /// The scores by name; an undefined metric has none.
    pub scores: BTreeMap<String, f64>,
}

impl Evaluations {
    /// Reads the table of a run directory.
    ///
    /// # Errors
    /// The file cannot be read, or a cell is not what it should be.
    pub fn read(run: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_path(run.join(files::EVAL)).context("cannot be read")?;
        let header: Vec<String> = reader.headers().context("cannot be read")?.iter().map(String::from).collect();
        let is_score = |name: &str| !["step", "epoch", "split"].contains(&name);
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.context("is damaged")?;
            let cells = || header.iter().map(String::as_str).zip(&record);
            let text = |column: &str| {
                cells().find(|(name, _)| *name == column).map(|(_, cell)| cell).with_context(|| format!("has no column {column}"))
            };
            let scores = cells().filter(|(name, cell)| is_score(name) && !cell.is_empty());
            rows.push(EvaluationRow {
                step: number(text("step")?, "step")?,
                epoch: number(text("epoch")?, "epoch")?,
                split: text("split")?.to_string(),
                scores: scores.map(|(name, cell)| Ok((name.to_string(), number(cell, name)?))).collect::<Result<_>>()?,
            });
        }
        Ok(Self { metrics: header.into_iter().filter(|name| is_score(name)).collect(), rows })
    }

    /// The evaluations of the split that picks the best checkpoint.
    pub fn validation(&self) -> impl Iterator<Item = &EvaluationRow> {
        self.of(VALIDATION)
    }

    /// The evaluations of a split.
    pub fn of(&self, split: &str) -> impl Iterator<Item = &EvaluationRow> {
        self.rows.iter().filter(move |row| row.split == split)
    }

    /// The names of the other splits, in file order.
    #[must_use]
    pub fn further(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in self.rows.iter().filter(|row| row.split != VALIDATION) {
            if !names.contains(&row.split.as_str()) {
                names.push(&row.split);
            }
        }
        names
    }
}

fn number<T: std::str::FromStr>(cell: &str, column: &str) -> Result<T> {
    cell.parse().ok().with_context(|| format!("{cell:?} is not a number ({column})"))
}
