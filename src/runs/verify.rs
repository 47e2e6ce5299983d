//! Whether a run directory is what its run wrote: hashes, metrics against the summary, and that checkpoints load.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::directory::{RunDirectory, files};
use super::states::{self, folder, step_of};
use super::stored::StoredRun;
use super::summary::{Moment, Summary};
use crate::checkpoint::{Config, Weights, table};
use crate::durable::check_folder;
use crate::metrics::{LOSS, Prediction, Scores};
use crate::tasks::Task;

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: String,
    /// What was found, or what is wrong.
    pub found: Result<String, String>,
}

/// Looks at everything in a run directory.
#[must_use]
pub fn verify(path: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut look = |what: &str, found: Result<String>| {
        checks.push(Check { what: what.into(), found: found.map_err(|error| format!("{error:#}")) });
    };
    let run = match StoredRun::read(path) {
        Ok(run) => run,
        Err(error) => {
            look(files::RUN, Err(error));
            return checks;
        }
    };
    look(files::RUN, Ok(format!("{}, {} steps planned", run.status(), run.facts.steps)));
    look(files::TRAIN, train(&run));
    look(files::EVAL, eval(&run));
    look(files::PREDICTIONS, predictions(&run));
    let directory = RunDirectory::at(path.to_path_buf());
    for (name, path) in folders(&directory.path(files::CHECKPOINTS)) {
        look(&format!("{}/{name}", files::CHECKPOINTS), checkpoint(&path, &run));
    }
    for name in ["best", "last"] {
        if directory.path(&format!("{}/{name}", files::CHECKPOINTS)).exists() {
            look(&format!("{}/{name}", files::CHECKPOINTS), pointer(&directory, name, &run));
        }
    }
    for (step, path) in states::all(&directory) {
        look(&format!("{}/{}", files::STATES, folder(step)), state(&path));
    }
    checks
}

fn folders(root: &Path) -> BTreeMap<String, std::path::PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let named = |entry: fs::DirEntry| Some((entry.file_name().into_string().ok()?, entry.path()));
    entries.filter_map(named).filter(|(name, _)| step_of(name).is_some()).collect()
}

/// The rows of a table, by column.
fn rows(path: &Path) -> Result<Vec<BTreeMap<String, String>>> {
    let mut reader = csv::Reader::from_path(path).context("cannot be read")?;
    reader.deserialize().map(|row| row.context("is damaged")).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> Result<f64> {
    let text = row.get(column).with_context(|| format!("has no column {column}"))?;
    text.parse().with_context(|| format!("{text:?} is no number ({column})"))
}

fn train(run: &StoredRun) -> Result<String> {
    let rows = rows(&run.path.join(files::TRAIN))?;
    let mut last = 0.0;
    for row in &rows {
        let step = number(row, "step")?;
        ensure!(step > last, "step {step} follows step {last}");
        for column in ["loss", "learning_rate", "grad_norm"] {
            ensure!(number(row, column)?.is_finite(), "{column} at step {step} is not finite");
        }
        last = step;
    }
    if let Some(summary) = &run.summary {
        ensure!(last == summary.steps as f64, "ends at step {last}, the summary at {}", summary.steps);
    }
    Ok(format!("{} rows, to step {last}", rows.len()))
}

/// The evaluations as moments, as far as a table tells.
fn moments(run: &StoredRun) -> Result<Vec<Moment>> {
    let rows = rows(&run.path.join(files::EVAL))?;
    let moment = |row: &BTreeMap<String, String>| {
        let names = row.keys().filter(|name| !["step", "epoch", "split"].contains(&name.as_str()));
        let scores = names.map(|name| Ok((name.clone(), number(row, name)?))).collect::<Result<BTreeMap<String, f64>>>()?;
        Ok(Moment { step: number(row, "step")? as u64, epoch: number(row, "epoch")?, scores, collapsed: false })
    };
    rows.iter().map(moment).collect()
}

fn eval(run: &StoredRun) -> Result<String> {
    let moments = moments(run)?;
    if let Some(Summary { metric, direction, best, last, .. }) = &run.summary {
        let score = |moment: &Moment| moment.scores.get(metric).copied().unwrap_or(f64::NAN);
        let mut found: Option<&Moment> = None;
        for moment in &moments {
            if found.is_none_or(|found| direction.improves(score(moment), score(found))) {
                found = Some(moment);
            }
        }
        let same = |a: &Moment, b: &Moment| a.step == b.step && a.scores == b.scores;
        let found = found.context("has no rows")?;
        ensure!(
            same(found, best),
            "its best row is step {} with {} {}, the summary says step {} with {}",
            found.step,
            metric,
            score(found),
            best.step,
            score(best)
        );
        let end = moments.last().context("has no rows")?;
        ensure!(same(end, last), "its last row is step {}, the summary says step {}", end.step, last.step);
    }
    Ok(format!("{} evaluations", moments.len()))
}

/// Scores of the predictions against the row of the best evaluation.
fn predictions(run: &StoredRun) -> Result<String> {
    let path = run.path.join(files::PREDICTIONS);
    if !path.exists() && run.summary.is_none() {
        return Ok("none yet".into());
    }
    let rows = rows(&path)?;
    ensure!(
        rows.len() == run.facts.validation_examples,
        "has {} rows for {} examples",
        rows.len(),
        run.facts.validation_examples
    );
    let task = Task::named(&run.facts.task).with_context(|| format!("the task {} is not known", run.facts.task))?;
    let prediction = |row: &BTreeMap<String, String>| {
        let label = number(row, "label")? as usize;
        ensure!(label < task.labels.len(), "have the label {label}, and the task has {}", task.labels.len());
        let logits =
            (0..task.labels.len()).map(|class| Ok(number(row, &format!("p{class}"))?.ln() as f32)).collect::<Result<_>>()?;
        let prediction = Prediction { class: number(row, "prediction")? as usize, ..Prediction::new(label, logits) };
        Ok(prediction)
    };
    let predictions = rows.iter().map(prediction).collect::<Result<Vec<_>>>()?;
    let Some(summary) = &run.summary else { return Ok(format!("{} rows", rows.len())) };
    let scores = Scores::of(&predictions, task.metrics);
    for (name, told) in summary.best.scores.iter().filter(|(name, _)| *name != LOSS) {
        let found = scores.get(name).unwrap_or(f64::NAN);
        ensure!((found - told).abs() < 1e-9, "give {name} {found}, the summary says {told}");
    }
    Ok(format!("{} rows, scores as in the summary", rows.len()))
}

fn checkpoint(path: &Path, run: &StoredRun) -> Result<String> {
    let manifest = check_folder(path)?;
    let config = Config::read(&path.join("config.json"))?;
    let task = Task::named(&run.facts.task).with_context(|| format!("the task {} is not known", run.facts.task))?;
    let mut weights = Weights::read(&path.join("model.safetensors"))?;
    for entry in table(&config, task.labels.len()) {
        match weights.take(&entry.name) {
            None => bail!("{} is missing", entry.name),
            Some(tensor) => ensure!(tensor.shape == entry.shape, "{} has the shape {:?}", entry.name, tensor.shape),
        }
    }
    Ok(format!("{} files as written, weights load", manifest.files.len()))
}

fn pointer(directory: &RunDirectory, name: &str, run: &StoredRun) -> Result<String> {
    let text = fs::read_to_string(directory.path(&format!("{}/{name}", files::CHECKPOINTS)))?;
    let meant = text.trim();
    let step = step_of(meant).with_context(|| format!("names {meant:?}, which is no checkpoint"))?;
    ensure!(directory.path(files::CHECKPOINTS).join(meant).is_dir(), "names {meant}, which is not there");
    let expected = run.summary.as_ref().map(|summary| if name == "best" { summary.best.step } else { summary.last.step });
    if let Some(expected) = expected {
        ensure!(step == expected, "names step {step}, the summary says {expected}");
    }
    Ok(meant.into())
}

fn state(path: &Path) -> Result<String> {
    let manifest = check_folder(path)?;
    let bytes: u64 = manifest.files.values().map(|entry| entry.bytes).sum();
    Ok(format!("{} files as written, {:.1} MB", manifest.files.len(), bytes as f64 / 1e6))
}
