//! The data that an experiment names, read and parsed.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::task::{Example, Reads, Source, Task, VALIDATION};

/// The splits to train and evaluate on.
pub struct LoadedData {
    /// The task, with all its labels.
    pub task: Task,
    /// The files.
    pub source: Source,
    pub train: Vec<Example>,
    pub validation: Vec<Example>,
    /// Further validation splits by name.
    pub further: Vec<(String, Vec<Example>)>,
    /// SHA-256 by split.
    pub hashes: BTreeMap<String, String>,
    /// Notes for the user about the data.
    pub remarks: Vec<String>,
}

impl LoadedData {
    /// Reads the splits of a task in GLUE's layout.
    pub fn of(source: Source, task: &Task) -> Result<Self> {
        let train = source.train.read(task, Reads::Labeled)?;
        let validation = source.validation.read(task, Reads::Labeled)?;
        let further = source.further.iter().map(|(split, file)| Ok((split.clone(), file.read(task, Reads::Labeled)?)));
        let further = further.collect::<Result<Vec<_>>>()?;
        let splits = [("train", &train), (VALIDATION, &validation)];
        let splits = splits.into_iter().chain(further.iter().map(|(split, rows)| (split.as_str(), rows)));
        let hashes = splits.map(|(split, rows)| (split.to_string(), rows.sha256.clone())).collect();
        let remarks = [&train, &validation].into_iter().chain(further.iter().map(|(_, rows)| rows));
        let remarks = remarks.flat_map(|rows| rows.remarks.clone()).collect();
        Ok(Self {
            task: task.clone(),
            source,
            train: train.examples,
            validation: validation.examples,
            further: further.into_iter().map(|(split, rows)| (split, rows.examples)).collect(),
            hashes,
            remarks,
        })
    }
}
