//! Two runs compared example by example.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use super::evaluation_basis::evaluations;
use super::select::ComparedRun;
use crate::compare::statistics::mcnemar;
use crate::experiment::Experiment;
use crate::hub::Hub;
use crate::inputs::{EvaluationData, EvaluationExamples};
use crate::runs::{files, predicted_classes};
use crate::task::{Head, Task, Text, VALIDATION};

/// How the predictions of two runs at their best checkpoints differ.
#[derive(Clone, Debug, Serialize)]
pub struct Examples {
    /// The id of the first run.
    pub first_run: String,
    /// The id of the second run.
    pub second_run: String,
    /// The best checkpoint of the first run.
    pub first_checkpoint: Picked,
    /// The best checkpoint of the second run.
    pub second_checkpoint: Picked,
    /// Number of examples that both runs get right.
    pub both_right: u64,
    /// Number of examples that only the first run gets right.
    pub only_first: u64,
    /// Number of examples that only the second run gets right.
    pub only_second: u64,
    /// Number of examples that both runs get wrong.
    pub both_wrong: u64,
    /// Two-sided p-value of McNemar's exact test.
    pub p: f64,
    /// The examples for which the two runs predict different labels.
    pub disagreements: Vec<Disagreement>,
}

/// The checkpoint that made the predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Picked {
    /// Number of steps it was trained for.
    pub step: u64,
    /// Number of evaluations it is the best of, if the run's table can be read.
    pub evaluations: Option<usize>,
}

/// An example for which two runs predict different labels.
#[derive(Clone, Debug, Serialize)]
pub struct Disagreement {
    /// Row of the validation split.
    pub index: usize,
    /// The correct label.
    pub label: String,
    /// The first run's prediction.
    pub first: String,
    /// The second run's prediction.
    pub second: String,
    /// Its sentences, if the data are still in place.
    pub text: Vec<String>,
}

impl Examples {
    /// Compares the predictions of two runs.
    ///
    /// # Errors
    /// The runs were not scored on the same examples, or their predictions cannot be read.
    pub fn of(first: &ComparedRun, second: &ComparedRun) -> Result<Self> {
        let (a, b) = (&first.run.facts, &second.run.facts);
        let same = a.task == b.task && a.hashes.data.get("validation") == b.hashes.data.get("validation");
        let (n, m) = (a.validation_examples, b.validation_examples);
        ensure!(same && n == m, "{} and {} were not scored on the same examples ({n} and {m})", a.id, b.id);
        let task = a.definition()?;
        let Head::Classes(classes) = &task.head else {
            bail!("--examples compares predicted classes, and {} predicts none", task.name);
        };
        let predictions = |run: &ComparedRun| predicted_classes(&run.run.path.join(files::PREDICTIONS));
        let (ours, theirs) = (predictions(first)?, predictions(second)?);
        let labels =
            |of: &BTreeMap<usize, (usize, usize)>| of.iter().map(|(index, (label, _))| (*index, *label)).collect::<Vec<_>>();
        ensure!(labels(&ours) == labels(&theirs), "the predictions of {} and {} are not of the same examples", a.id, b.id);
        let texts = texts(first, task).unwrap_or_default();
        let mut counts = [0_u64; 4];
        let mut disagreements = Vec::new();
        for (index, (label, prediction)) in &ours {
            let Some((_, other)) = theirs.get(index) else { continue };
            counts[usize::from(label != prediction) * 2 + usize::from(label != other)] += 1;
            if prediction != other {
                let name = |class: usize| classes.get(class).map_or_else(|| class.to_string(), Clone::clone);
                let text = texts.get(*index).cloned().unwrap_or_default();
                disagreements.push(Disagreement {
                    index: *index,
                    label: name(*label),
                    first: name(*prediction),
                    second: name(*other),
                    text,
                });
            }
        }
        let [both_right, only_first, only_second, both_wrong] = counts;
        Ok(Self {
            first_run: a.id.clone(),
            second_run: b.id.clone(),
            first_checkpoint: picked(first)?,
            second_checkpoint: picked(second)?,
            both_right,
            only_first,
            only_second,
            both_wrong,
            p: mcnemar(only_first, only_second),
            disagreements,
        })
    }
}

fn picked(run: &ComparedRun) -> Result<Picked> {
    let summary = run.run.summary.as_ref().with_context(|| format!("the run {} has not finished", run.run.facts.id))?;
    Ok(Picked { step: summary.best.step, evaluations: evaluations(run).map(|rows| rows.len()) })
}

/// Returns the sentences of the validation split, if the file is still the one that the run was scored on.
fn texts(run: &ComparedRun, task: &Task) -> Option<Vec<Vec<String>>> {
    let experiment = Experiment::recorded(&run.run.path.join(files::RESOLVED), &[], Path::new(""));
    let settings = experiment.sound().ok()?;
    let wanted = EvaluationData::Split(VALIDATION);
    let split = EvaluationExamples::read(wanted, task, &experiment, settings, &Hub::offline()).ok()?;
    if run.run.facts.hashes.data.get(VALIDATION) != Some(&split.sha256) {
        return None;
    }
    let sentences = |text| match text {
        Text::Single(one) => vec![one],
        Text::Pair(first, second) => vec![first, second],
    };
    Some(split.examples.into_iter().map(|example| sentences(example.text)).collect())
}
