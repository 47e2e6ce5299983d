//! The files of a task of one's own.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::hub_data::DataSplit;
use super::key::OwnFiles;
use super::loaded_data::LoadedData;
use super::own_files::{FilesFound, FilesWanted, find};
use super::validation_share::{split_hash, split_off};
use crate::hub::Hub;
use crate::numbers::counted;
use crate::settings::OwnTask;
use crate::table::TableOptions;
use crate::task::{Example, Reads, Source, Task, VALIDATION, distinct_labels, sorted_labels};

/// Reads the training and validation files of a task.
///
/// # Errors
/// A file cannot be found or read, or a row does not fit the task.
pub fn read(own: &OwnTask, files: &OwnFiles, hub: &Hub) -> Result<LoadedData> {
    let options = own.table_options().map_err(|problem| anyhow!("{}: {}", problem.path, problem.message))?;
    let train = FilesWanted { split: Some(DataSplit::Train), patterns: &files.train };
    let validation = files.validation.as_ref().map(|patterns| FilesWanted { split: Some(DataSplit::Validation), patterns });
    let FilesFound { lists, commits, remarks: found } = find(&[train].into_iter().chain(validation).collect::<Vec<_>>(), hub)?;
    let mut lists = lists.into_iter().map(|files| files.tables(options));
    let train_file = lists.next().context("there are no training files")?;
    let task = own.task(labels(own, &train_file.paths, &options)?);
    let mut train = train_file.read(&task, Reads::Labeled)?;
    ensure!(!train.examples.is_empty(), "the training files have no rows: {}", train_file.shown());
    let mut remarks = std::mem::take(&mut train.remarks);
    let (train_examples, validation, validation_file, validation_hash) = match (lists.next(), own.validation_share) {
        (Some(file), _) => {
            let mut rows = file.read(&task, Reads::Labeled)?;
            ensure!(!rows.examples.is_empty(), "the validation files have no rows: {}", file.shown());
            remarks.append(&mut rows.remarks);
            (train.examples, rows.examples, file, rows.sha256)
        }
        (None, Some(share)) => {
            let (rest, split) = split_off(train.examples, share, own.split_seed);
            ensure!(!rest.is_empty() && !split.is_empty(), "task.validation_share = {share} leaves a split without examples");
            (rest, split, train_file.clone(), split_hash(&train.sha256, share, own.split_seed))
        }
        (None, None) => bail!("there is nothing to evaluate on: set task.validation or task.validation_share"),
    };
    remarks.extend(few_examples(&task, &train_examples));
    remarks.extend(leaked(&train_examples, &validation));
    Ok(LoadedData {
        hashes: [("train".to_string(), train.sha256), (VALIDATION.to_string(), validation_hash)].into(),
        source: Source { train: train_file, validation: validation_file, further: Vec::new(), commits, remarks: found },
        task,
        train: train_examples,
        validation,
        further: Vec::new(),
        remarks,
    })
}

fn labels(own: &OwnTask, files: &[PathBuf], options: &TableOptions) -> Result<Vec<String>> {
    if let Some(known) = own.known_labels() {
        return Ok(known);
    }
    let column = own.label.all().first().map_or("", String::as_str);
    let labels = sorted_labels(distinct_labels(files, options, column)?.into_keys());
    if let [only] = labels.as_slice() {
        bail!("every training example is labeled \"{only}\" (column \"{column}\"): there is nothing to tell apart");
    }
    Ok(labels)
}

/// Fewer training examples of a class than this are hardly learned from.
const FEW: usize = 8;

fn few_examples(task: &Task, train: &[Example]) -> Option<String> {
    let mut counts: BTreeMap<usize, usize> = (0..task.head.labels().len()).map(|class| (class, 0)).collect();
    for target in train.iter().filter_map(|example| example.target.as_ref()) {
        let classes: Vec<usize> = match target.labels() {
            Some(bits) => bits.iter().enumerate().filter(|(_, bit)| **bit).map(|(class, _)| class).collect(),
            None => target.class().into_iter().collect(),
        };
        for class in classes {
            *counts.entry(class).or_default() += 1;
        }
    }
    let few = counts.iter().filter(|(_, count)| **count < FEW);
    let few: Vec<String> = few.map(|(class, count)| format!("{} ({count})", task.head.labels()[*class])).collect();
    (!few.is_empty()).then(|| format!("labels with fewer than {FEW} training examples: {}", few.join(", ")))
}

/// Texts that are in both splits make scores too good.
fn leaked(train: &[Example], validation: &[Example]) -> Option<String> {
    let known: HashSet<_> = train.iter().map(|example| &example.text).collect();
    let count = validation.iter().filter(|example| known.contains(&example.text)).count();
    let examples = counted(validation.len(), "validation example", "validation examples");
    (count > 0).then(|| format!("{count} of {examples} are also training examples: scores on them are too good"))
}
