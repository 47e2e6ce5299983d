//! The examples that a trained model is evaluated on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::file_pattern::FilePattern;
use super::hub_data::DataSplit;
use super::key::{DataKey, patterns};
use super::own_files::{FilesWanted, NamedFiles, find};
use super::validation_share::{split_hash, split_off};
use crate::experiment::Experiment;
use crate::hub::Hub;
use crate::settings::{OwnTask, Settings};
use crate::table::TableOptions;
use crate::task::{Example, FoundSplits, Origin, Reads, SplitFile, SplitNames, SplitRows, Task, VALIDATION};

/// Which examples to evaluate on.
#[derive(Clone, Copy, Debug)]
pub enum EvaluationData<'a> {
    /// A split of the task.
    Split(&'a str),
    /// Tables with the task's columns; or a folder in GLUE's layout, whose validation split is used.
    Files(&'a [String]),
}

/// Labeled examples.
#[derive(Clone, Debug)]
pub struct EvaluationExamples {
    /// What messages call them: the split, or the files.
    pub name: String,
    /// The examples, in file order.
    pub examples: Vec<Example>,
    /// SHA-256 of the split, as runs record it.
    pub sha256: String,
    /// Notes for the user.
    pub remarks: Vec<String>,
}

impl EvaluationExamples {
    /// Reads the examples of a task, which the settings of an experiment name.
    ///
    /// `task` has all its labels. Of a split for validation, as many examples are read as the experiment uses.
    ///
    /// # Errors
    /// There is no such split, its labels are secret, or a file cannot be read.
    pub fn read(data: EvaluationData<'_>, task: &Task, experiment: &Experiment, settings: &Settings, hub: &Hub) -> Result<Self> {
        match (data, DataKey::of(experiment, settings, &settings.task)?) {
            (EvaluationData::Split(split), DataKey::Glue { origin, .. }) => {
                let rows = of_glue(split, task, &origin, hub)?;
                Ok(Self::of(split.into(), rows).limited(split, settings))
            }
            (EvaluationData::Split(split), DataKey::Own { task: own, .. }) => {
                let rows = of_own(split, &own, task, experiment, hub)?;
                Ok(Self::of(split.into(), rows).limited(split, settings))
            }
            (EvaluationData::Files(files), DataKey::Glue { .. }) => Self::in_files(files, task, TableOptions::default(), hub),
            (EvaluationData::Files(files), DataKey::Own { task: own, .. }) => {
                let options = own.table_options().map_err(|problem| anyhow!(problem.message))?;
                Self::in_files(files, task, options, hub)
            }
        }
    }

    /// Reads the examples of a GLUE task.
    ///
    /// # Errors
    /// As for [`EvaluationExamples::read`].
    pub fn of_glue(data: EvaluationData<'_>, task: &Task, origin: &Origin, hub: &Hub) -> Result<Self> {
        match data {
            EvaluationData::Split(split) => Ok(Self::of(split.into(), of_glue(split, task, origin, hub)?)),
            EvaluationData::Files(files) => Self::in_files(files, task, TableOptions::default(), hub),
        }
    }

    fn in_files(files: &[String], task: &Task, options: TableOptions, hub: &Hub) -> Result<Self> {
        if let [folder] = files
            && Path::new(folder).is_dir()
        {
            let rows = of_glue(VALIDATION, task, &Origin::Folder(PathBuf::from(folder)), hub)?;
            return Ok(Self::of(format!("{VALIDATION} split in {folder}"), rows));
        }
        let patterns = files.iter().map(|file| FilePattern::parse(file, Path::new(""))).collect::<Result<Vec<_>>>()?;
        let rows = SplitFile::given(found(None, &patterns, hub)?.paths, task, options).read(task, Reads::Labeled)?;
        Ok(Self::of(files.join(", "), rows))
    }

    fn of(name: String, rows: SplitRows) -> Self {
        Self { name, examples: rows.examples, sha256: rows.sha256, remarks: rows.remarks }
    }

    fn limited(mut self, split: &str, settings: &Settings) -> Self {
        if let Some(limit) = settings.data.eval_limit.filter(|_| split.starts_with(VALIDATION)) {
            self.examples.truncate(limit.get());
        }
        self
    }
}

fn of_glue(split: &str, task: &Task, origin: &Origin, hub: &Hub) -> Result<SplitRows> {
    let splits = &task.splits;
    let named = |names: &&SplitNames| names.name == split;
    let labeled: Vec<&SplitNames> = [&splits.train, &splits.validation].into_iter().chain(&splits.further_validation).collect();
    let found = if split == VALIDATION { Some(&splits.validation) } else { labeled.iter().copied().find(named) };
    let Some(names) = found else {
        if split == "test" || splits.test.iter().any(|names| names.name == split) {
            bail!(
                "the labels of GLUE's test splits are not public, so there is nothing to score; `gluepot submit` makes the files for \
                 GLUE's server"
            );
        }
        let known = labeled.iter().map(|names| names.name.as_str()).collect::<Vec<_>>();
        bail!("{} has no split \"{split}\"; it has {}", task.name, known.join(", "));
    };
    FoundSplits::find(origin, task, &[names], hub)?.files.pop().context("a split is missing")?.read(task, Reads::Labeled)
}

/// Finds the files of one list.
fn found(split: Option<DataSplit>, patterns: &[FilePattern], hub: &Hub) -> Result<NamedFiles> {
    find(&[FilesWanted { split, patterns }], hub)?.lists.pop().context("no file is named")
}

fn of_own(split: &str, own: &OwnTask, task: &Task, experiment: &Experiment, hub: &Hub) -> Result<SplitRows> {
    let options = own.table_options().map_err(|problem| anyhow!(problem.message))?;
    let read = |split: DataSplit, files| {
        let patterns = patterns(experiment, &format!("task.{}", split.name()), files)?;
        found(Some(split), &patterns, hub)?.tables(options).read(task, Reads::Labeled)
    };
    let train = || read(DataSplit::Train, &own.train);
    match (split, own.validation_share) {
        ("train", None) => train(),
        ("train" | VALIDATION, Some(share)) => {
            let rows = train()?;
            let (rest, validation) = split_off(rows.examples, share, own.split_seed);
            if split == VALIDATION {
                let sha256 = split_hash(&rows.sha256, share, own.split_seed);
                return Ok(SplitRows { examples: validation, sha256, remarks: rows.remarks });
            }
            Ok(SplitRows { examples: rest, ..rows })
        }
        (VALIDATION, None) => read(DataSplit::Validation, own.validation.as_ref().context("the task has no validation files")?),
        ("test", _) => {
            let files = own.test.as_ref().context("the task names no test files: set task.test, or name files with --data")?;
            read(DataSplit::Test, files)
        }
        _ => bail!("{} has no split \"{split}\"; it has train, validation and test", task.name),
    }
}
