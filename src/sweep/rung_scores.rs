//! The scores at the rungs of a sweep, shared by its processes in one file of lines.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A trial's score at a rung.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    rung: usize,
    trial: String,
    score: f64,
}

/// The file of scores.
#[derive(Clone, Debug)]
pub struct RungScores {
    path: PathBuf,
}

impl RungScores {
    /// In this file, which need not exist yet.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Notes a trial's score at a rung and gives the scores of the others that came that far.
    pub fn record(&self, rung: usize, trial: &str, score: f64) -> Result<Vec<f64>> {
        let line = serde_json::to_string(&Line { rung, trial: trial.into(), score })? + "\n";
        let name = || format!("cannot write {}", self.path.display());
        // One write of a whole line: lines of several processes do not mix.
        let mut file = File::options().create(true).append(true).open(&self.path).with_context(name)?;
        file.write_all(line.as_bytes()).with_context(name)?;
        let text = fs::read_to_string(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        // A trial that was interrupted and began again stands twice; the last line counts. A line that a full disk cut
        // is left out.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()).filter(|line| line.rung == rung);
        let scores: BTreeMap<String, f64> = lines.map(|line| (line.trial, line.score)).collect();
        Ok(scores.into_iter().filter(|(other, _)| other != trial).map(|(_, score)| score).collect())
    }
}
