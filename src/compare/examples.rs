//! Two runs, example by example.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::select::ComparedRun;
use crate::hub::Hub;
use crate::runs::files;
use crate::statistics::mcnemar;
use crate::tasks::{Origin, Source, Task, Text};

/// How two runs' predictions differ.
#[derive(Clone, Debug, Serialize)]
pub struct Examples {
    /// Examples that both get right.
    pub both_right: u64,
    /// Examples that only the first run gets right.
    pub only_first: u64,
    /// Examples that only the second run gets right.
    pub only_second: u64,
    /// Examples that both get wrong.
    pub both_wrong: u64,
    /// McNemar's exact two-sided p-value.
    pub p: f64,
    /// The examples on which the two disagree.
    pub disagreements: Vec<Disagreement>,
}

/// An example that two runs see differently.
#[derive(Clone, Debug, Serialize)]
pub struct Disagreement {
    /// Row of the validation split.
    pub index: usize,
    /// The right label.
    pub label: String,
    /// What the first run says.
    pub first: String,
    /// What the second run says.
    pub second: String,
    /// Its sentences, where the data are still where they were.
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
        ensure!(same, "{} and {} were not scored on the same examples", a.id, b.id);
        let task = Task::named(&a.task).with_context(|| format!("unknown task {}", a.task))?;
        let (ours, theirs) = (predictions(first)?, predictions(second)?);
        let texts = texts(first, task).unwrap_or_default();
        let mut counts = [0_u64; 4];
        let mut disagreements = Vec::new();
        for (index, (label, prediction)) in &ours {
            let Some((_, other)) = theirs.get(index) else { continue };
            counts[usize::from(label != prediction) * 2 + usize::from(label != other)] += 1;
            if prediction != other {
                let name = |class: usize| task.labels.get(class).map_or_else(|| class.to_string(), ToString::to_string);
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
        Ok(Self { both_right, only_first, only_second, both_wrong, p: mcnemar(only_first, only_second), disagreements })
    }
}

/// Label and prediction by index.
fn predictions(run: &ComparedRun) -> Result<BTreeMap<usize, (usize, usize)>> {
    let path = run.run.path.join(files::PREDICTIONS);
    let mut reader = csv::Reader::from_path(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut found = BTreeMap::new();
    for row in reader.records() {
        let row = row.with_context(|| format!("{} is damaged", path.display()))?;
        let number = |column: usize| row.get(column).and_then(|text| text.parse::<usize>().ok());
        let fields = number(0).zip(number(1)).zip(number(2));
        let ((index, label), prediction) = fields.with_context(|| format!("{} is damaged", path.display()))?;
        found.insert(index, (label, prediction));
    }
    Ok(found)
}

/// The validation split's sentences, if the file is the one that was scored on.
fn texts(run: &ComparedRun, task: &Task) -> Option<Vec<Vec<String>>> {
    let origin = match run.settings.get("data.source")?.as_str()? {
        "hub" => Origin::Hub,
        folder => Origin::Folder(folder.into()),
    };
    let source = Source::find(&origin, task, &Hub::offline()).ok()?;
    let rows = source.validation.read(task).ok()?;
    if run.run.facts.hashes.data.get("validation") != Some(&rows.sha256) {
        return None;
    }
    let sentences = |text| match text {
        Text::Single(one) => vec![one],
        Text::Pair(first, second) => vec![first, second],
    };
    Some(rows.examples.into_iter().map(|example| sentences(example.text)).collect())
}
