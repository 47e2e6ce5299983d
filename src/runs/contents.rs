//! Checks that the numbers in a run's files agree with each other.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::directory::files;
use super::evaluations::{EvaluationRow, Evaluations};
use super::predictions::{self, CsvRow, ReadBack};
use super::stored::StoredRun;
use super::summary::{Moment, Summary};
use crate::task::metrics::{LOSS, Metric, Score, Scores};
use crate::task::{Best, Prediction, Task, VALIDATION};

/// Rows of a CSV file, by column name.
fn rows(path: &Path) -> Result<Vec<CsvRow>> {
    let mut reader = csv::Reader::from_path(path).context("cannot be read")?;
    reader.deserialize().map(|row| row.context("is damaged")).collect()
}

fn number(row: &CsvRow, column: &str) -> Result<f64> {
    let text = row.get(column).with_context(|| format!("has no column {column}"))?;
    text.parse().with_context(|| format!("{text:?} is not a number ({column})"))
}

/// Checks that steps increase, numbers are finite, and the last step is the summary's.
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

/// Checks that the steps are those of `train.csv`; in a run that was killed, the last one may be missing.
pub(super) fn speed(run: &StoredRun) -> Result<String> {
    let steps = |name: &str| rows(&run.path.join(name))?.iter().map(|row| number(row, "step")).collect::<Result<Vec<f64>>>();
    let (found, expected) = (steps(files::SPEED)?, steps(files::TRAIN)?);
    let begins = expected.starts_with(&found);
    let is_whole = run.summary.is_none() || found.len() == expected.len();
    ensure!(begins && is_whole, "has other steps than {}", files::TRAIN);
    Ok(format!("{} rows", found.len()))
}

/// The evaluations as moments, as far as `eval.csv` records them.
fn moments(run: &StoredRun) -> Result<Vec<Moment>> {
    let evaluations = Evaluations::read(&run.path)?;
    let further = |step: u64| {
        let rows = evaluations.rows.iter().filter(|row| row.step == step && row.split != VALIDATION);
        rows.map(|row| (row.split.clone(), row.scores.clone())).collect()
    };
    let moment = |row: &EvaluationRow| Moment {
        step: row.step,
        epoch: row.epoch,
        scores: row.scores.clone(),
        further: further(row.step),
        collapsed: false,
    };
    Ok(evaluations.validation().map(moment).collect())
}

/// Checks the best and the last evaluation against the summary.
pub(super) fn eval(run: &StoredRun) -> Result<String> {
    let moments = moments(run)?;
    if let Some(Summary { metric, direction, best, last, .. }) = &run.summary {
        let score = |moment: &Moment| moment.scores.get(metric).copied();
        let mut highest = Best::new(metric, *direction);
        for (index, moment) in moments.iter().enumerate() {
            highest.offer(index, score(moment));
        }
        let shown = |moment: &Moment| score(moment).map_or_else(|| "undefined".into(), |score| score.to_string());
        let same = |a: &Moment, b: &Moment| (a.step, &a.scores, &a.further) == (b.step, &b.scores, &b.further);
        let found = highest.at().and_then(|index| moments.get(index)).context("has no rows")?;
        ensure!(
            same(found, best),
            "its best row is step {} with {} {}, the summary says step {} with {}",
            found.step,
            metric,
            shown(found),
            best.step,
            shown(best)
        );
        let end = moments.last().context("has no rows")?;
        ensure!(same(end, last), "its last row is step {}, the summary says step {}", end.step, last.step);
    }
    Ok(format!("{} evaluations", moments.len()))
}

/// Checks the scores of the predictions, including the loss, against the summary.
pub(super) fn predictions(run: &StoredRun) -> Result<String> {
    let path = run.path.join(files::PREDICTIONS);
    if !path.exists() && run.summary.is_none() {
        return Ok("none yet".into());
    }
    let task = run.facts.definition()?;
    let predicted = predictions::read(&path, &task.head)?;
    let expected = run.facts.validation_examples;
    ensure!(predicted.len() == expected, "has {} rows for {expected} examples", predicted.len());
    let Some(summary) = &run.summary else { return Ok(format!("{} rows", predicted.len())) };
    let scores = scores(task, &predicted);
    let are_exact = predicted.iter().all(|row| row.is_exact);
    for Score { metric, value } in &scores.metrics {
        let recorded = summary.best.scores.get(metric).copied();
        let agree = match (*value, recorded) {
            (Some(found), Some(recorded)) => (found - recorded).abs() < tolerance(metric, are_exact),
            (found, recorded) => found.is_none() && recorded.is_none(),
        };
        let text = |score: Option<f64>| score.map_or_else(|| "none".into(), |score| score.to_string());
        ensure!(agree, "give {metric} {}, the summary says {}", text(*value), text(recorded));
    }
    let loss = predicted.iter().map(|row| row.loss).sum::<f64>() / predicted.len() as f64;
    let recorded = summary.best.scores.get(LOSS).copied().unwrap_or(f64::NAN);
    // The loss is infinite if a probability was too small to be written.
    ensure!(
        !loss.is_finite() || (loss - recorded).abs() < 1e-6 * (1.0 + recorded.abs()),
        "give the loss {loss}, the summary says {recorded}"
    );
    Ok(format!("{} rows, scores as in the summary", predicted.len()))
}

/// By how much a score may differ from the same score of predictions that were read back.
///
/// The file has every digit of the probabilities, and nearly always the outputs taken from them give the same probabilities again
/// (`is_exact`): then scores differ by the rounding of sums alone. Otherwise an output is ln p rounded to an f32, so that p is off by
/// a relative 2⁻²⁴ (|ln p| + H), with H the entropy of the example's K probabilities, H ≤ ln K, from dividing by their sum. Hence
///
/// - `log_loss`, whose probabilities are at least 2⁻⁵² and logarithms at most 36.1: 2 · 2⁻²⁴ · 36.1 < 1e-5;
/// - `brier`: |Δ Σ (p − y)²| ≤ 2 Σ |Δp| ≤ 2 · 2⁻²⁴ · 2 H < 1e-5 for any K below 10¹⁸;
/// - `roc_auc`, `average_precision`, `ece`, and `combined`, which may be of them: an example can pass another or get into another bin.
///   Each of a split's examples counts for a share of the score, so few of them change little.
fn tolerance(metric: &str, are_exact: bool) -> f64 {
    match Metric::named(metric) {
        Some(metric) if metric.of_probabilities && !are_exact => {
            if [Metric::LOG_LOSS, Metric::BRIER].contains(&metric) {
                1e-5
            } else {
                1e-2
            }
        }
        _ => 1e-9,
    }
}

fn scores(task: &Task, predicted: &[ReadBack]) -> Scores {
    let predictions: Vec<Prediction> = predicted.iter().map(|row| row.prediction.clone()).collect();
    Scores::of(task, &predictions)
}

/// Checks the rest of the summary.
pub(super) fn summary(run: &StoredRun) -> Result<String> {
    let Some(summary) = &run.summary else { return Ok("none yet".into()) };
    if let Ok(task) = run.facts.definition()
        && let Ok(predicted) = predictions::read(&run.path.join(files::PREDICTIONS), &task.head)
    {
        let collapsed = scores(task, &predicted).collapsed;
        let recorded = [summary.collapsed, summary.best.collapsed];
        ensure!(recorded == [collapsed; 2], "says collapsed {}, the predictions {collapsed}", recorded[0]);
    }
    if let Some(last) = rows(&run.path.join(files::TRAIN)).ok().and_then(|rows| rows.into_iter().next_back()) {
        let examples = number(&last, "examples")?;
        ensure!(examples == summary.examples as f64, "says {} examples, {} {examples}", summary.examples, files::TRAIN);
    }
    ensure!(summary.steps == run.facts.steps, "says {} steps, {} {}", summary.steps, files::RUN, run.facts.steps);
    let best = summary.best.scores.get(&summary.metric);
    Ok(format!("{} {}", summary.metric, best.map_or_else(|| "undefined".into(), ToString::to_string)))
}
