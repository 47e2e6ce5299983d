//! The scores at the rungs of a sweep, which its processes share in one file, a JSON object per line.

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
    /// Uses this file, which need not exist yet.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Records a trial's score at a rung, and returns the scores of the other trials that have reached it.
    pub fn record(&self, rung: usize, trial: &str, score: f64) -> Result<Vec<f64>> {
        let line = serde_json::to_string(&Line { rung, trial: trial.into(), score })? + "\n";
        let name = || format!("cannot write {}", self.path.display());
        // A single write of a whole line, so that lines of several processes do not mix.
        let mut file = File::options().create(true).append(true).open(&self.path).with_context(name)?;
        file.write_all(line.as_bytes()).with_context(name)?;
        let text = fs::read_to_string(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        // A trial that was interrupted and restarted is listed twice; the last line counts. A line that a full disk
        // truncated is skipped.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()).filter(|line| line.rung == rung);
        let scores: BTreeMap<String, f64> = lines.map(|line| (line.trial, line.score)).collect();
        Ok(scores.into_iter().filter(|(other, _)| other != trial).map(|(_, score)| score).collect())
    }
}
