//! Whether the numbers in a run's files agree with each other.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::directory::files;
use super::stored::StoredRun;
use super::summary::{Moment, Summary};
use crate::task::Task;
use crate::task::metrics::{LOSS, Prediction, Scores};

type Row = BTreeMap<String, String>;

/// The rows of a table, by column.
fn rows(path: &Path) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_path(path).context("cannot be read")?;
    reader.deserialize().map(|row| row.context("is damaged")).collect()
}

fn number(row: &Row, column: &str) -> Result<f64> {
    let text = row.get(column).with_context(|| format!("has no column {column}"))?;
    text.parse().with_context(|| format!("{text:?} is not a number ({column})"))
}

/// Steps that grow, finite numbers, and the summary's last step.
pub(super) fn train(run: &StoredRun) -> Result<String> {
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

/// The steps of the training's rows; of a run that was killed, the last may be missing.
pub(super) fn speed(run: &StoredRun) -> Result<String> {
    let steps = |name: &str| rows(&run.path.join(name))?.iter().map(|row| number(row, "step")).collect::<Result<Vec<f64>>>();
    let (found, expected) = (steps(files::SPEED)?, steps(files::TRAIN)?);
    let begins = expected.starts_with(&found);
    let is_whole = run.summary.is_none() || found.len() == expected.len();
    ensure!(begins && is_whole, "has other steps than {}", files::TRAIN);
    Ok(format!("{} rows", found.len()))
}

/// The evaluations as moments, as far as a table tells.
fn moments(run: &StoredRun) -> Result<Vec<Moment>> {
    let rows = rows(&run.path.join(files::EVAL))?;
    let moment = |row: &Row| {
        let names = row.keys().filter(|name| !["step", "epoch", "split"].contains(&name.as_str()));
        let scores = names.map(|name| Ok((name.clone(), number(row, name)?))).collect::<Result<BTreeMap<String, f64>>>()?;
        Ok(Moment { step: number(row, "step")? as u64, epoch: number(row, "epoch")?, scores, collapsed: false })
    };
    rows.iter().map(moment).collect()
}

/// The summary's best and last evaluation.
pub(super) fn eval(run: &StoredRun) -> Result<String> {
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

/// The predictions with the probabilities that they were made by.
fn predicted(run: &StoredRun, task: &Task) -> Result<Vec<(Prediction, Vec<f64>)>> {
    let classes = task.labels.len();
    let one = |row: &Row| {
        let label = number(row, "label")? as usize;
        ensure!(label < classes, "have the label {label}, and the task has {classes}");
        let class = number(row, "prediction")? as usize;
        let p: Vec<f64> = (0..classes).map(|class| number(row, &format!("p{class}"))).collect::<Result<_>>()?;
        let index = row.get("index").cloned().unwrap_or_default();
        let is_largest = p.get(class).is_some_and(|chosen| p.iter().all(|other| other <= chosen));
        ensure!(is_largest, "predict {class} for example {index}, with the probabilities {p:?}");
        let sum: f64 = p.iter().sum();
        ensure!((sum - 1.0).abs() < 1e-6, "have probabilities that sum to {sum} for example {index}");
        Ok((Prediction { class, ..Prediction::new(label, vec![0.0; classes]) }, p))
    };
    rows(&run.path.join(files::PREDICTIONS))?.iter().map(one).collect()
}

/// Scores of the predictions against the summary, the loss among them.
pub(super) fn predictions(run: &StoredRun) -> Result<String> {
    if !run.path.join(files::PREDICTIONS).exists() && run.summary.is_none() {
        return Ok("none yet".into());
    }
    let task = Task::named(&run.facts.task).with_context(|| format!("the task {} is not known", run.facts.task))?;
    let predicted = predicted(run, task)?;
    let expected = run.facts.validation_examples;
    ensure!(predicted.len() == expected, "has {} rows for {expected} examples", predicted.len());
    let Some(summary) = &run.summary else { return Ok(format!("{} rows", predicted.len())) };
    let scores = scores(task, &predicted);
    for (name, told) in summary.best.scores.iter().filter(|(name, _)| *name != LOSS) {
        let found = scores.get(name).unwrap_or(f64::NAN);
        ensure!((found - told).abs() < 1e-9, "give {name} {found}, the summary says {told}");
    }
    let loss = predicted.iter().map(|(prediction, p)| -p[prediction.label].ln()).sum::<f64>() / predicted.len() as f64;
    let told = summary.best.scores.get(LOSS).copied().unwrap_or(f64::NAN);
    // A probability too small to be written has no logarithm.
    ensure!(
        !loss.is_finite() || (loss - told).abs() < 1e-6 * (1.0 + told.abs()),
        "give the loss {loss}, the summary says {told}"
    );
    Ok(format!("{} rows, scores as in the summary", predicted.len()))
}

fn scores(task: &Task, predicted: &[(Prediction, Vec<f64>)]) -> Scores {
    let predictions: Vec<Prediction> = predicted.iter().map(|(prediction, _)| prediction.clone()).collect();
    Scores::of(&predictions, task.metrics)
}

/// What the summary says beside scores.
pub(super) fn summary(run: &StoredRun) -> Result<String> {
    let Some(summary) = &run.summary else { return Ok("none yet".into()) };
    if let Some(task) = Task::named(&run.facts.task)
        && let Ok(predicted) = predicted(run, task)
    {
        let collapsed = scores(task, &predicted).collapsed;
        let told = [summary.collapsed, summary.best.collapsed];
        ensure!(told == [collapsed; 2], "says collapsed {}, the predictions {collapsed}", told[0]);
    }
    if let Some(last) = rows(&run.path.join(files::TRAIN)).ok().and_then(|rows| rows.into_iter().next_back()) {
        let examples = number(&last, "examples")?;
        ensure!(examples == summary.examples as f64, "says {} examples, {} {examples}", summary.examples, files::TRAIN);
    }
    ensure!(summary.steps == run.facts.steps, "says {} steps, {} {}", summary.steps, files::RUN, run.facts.steps);
    Ok(format!("{} {}", summary.metric, summary.best.scores.get(&summary.metric).copied().unwrap_or(f64::NAN)))
}
