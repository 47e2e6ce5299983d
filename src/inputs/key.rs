//! The key that identifies an experiment's input files.

use anyhow::{Context, Result};
use serde_json::Value as Json;

use super::file_pattern::FilePattern;
use super::{ReadFor, written};
use crate::checkpoint::{CheckpointName, RUN_PREFIX};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::{Hub, expand_home, tidy};
use crate::runs::best_checkpoint;
use crate::settings::{CHECKPOINT, DATA_SOURCE, Initialize, OneOrMore, OwnTask, Settings, TaskSetting};
use crate::task::{Origin, Task};

/// Everything that determines which files are read.
#[derive(Debug, PartialEq)]
pub struct InputKey {
    pub checkpoint: CheckpointName,
    pub with_weights: bool,
    pub data: DataKey,
}

/// The data that an experiment names.
#[derive(Debug, PartialEq)]
pub enum DataKey {
    /// A task in GLUE's layout.
    Glue { task: Box<Task>, origin: Origin },
    /// A task on files of its own.
    Own { task: Box<OwnTask>, files: OwnFiles },
}

/// The patterns of files that a task names, relative paths joined to the folder of the file that names them.
#[derive(Debug, PartialEq)]
pub struct OwnFiles {
    pub train: Vec<FilePattern>,
    pub validation: Option<Vec<FilePattern>>,
}

/// Returns where an experiment's files in GLUE's layout are.
#[must_use]
pub fn glue_origin(experiment: &Experiment, settings: &Settings) -> Origin {
    match settings.data.source.as_str() {
        "hub" => Origin::Hub,
        folder => Origin::Folder(tidy(&experiment.folder(DATA_SOURCE).join(expand_home(folder)))),
    }
}

impl DataKey {
    /// # Errors
    /// A data set of the hub has an invalid name.
    pub fn of(experiment: &Experiment, settings: &Settings, task: &TaskSetting) -> Result<Self> {
        Ok(match task {
            TaskSetting::Glue(task) => Self::Glue { task: task.clone(), origin: glue_origin(experiment, settings) },
            TaskSetting::Own(task) => {
                let files = OwnFiles {
                    train: patterns(experiment, "task.train", &task.train)?,
                    validation: task
                        .validation
                        .as_ref()
                        .map(|files| patterns(experiment, "task.validation", files))
                        .transpose()?,
                };
                Self::Own { task: task.clone(), files }
            }
        })
    }
}

/// Returns the patterns of a setting that names files.
///
/// # Errors
/// A data set of the hub has an invalid name.
pub fn patterns(experiment: &Experiment, path: &str, files: &OneOrMore) -> Result<Vec<FilePattern>> {
    let folder = experiment.folder(path);
    let parse = |text: &String| FilePattern::parse(text, &folder).with_context(|| written(experiment, path, text));
    files.all().iter().map(parse).collect()
}

/// Returns the value of a setting that names files, with absolute paths.
pub fn absolute_patterns(experiment: &Experiment, path: &str, files: &OneOrMore) -> Json {
    let folder = experiment.folder(path);
    let absolute = |text: &String| match FilePattern::parse(text, &folder) {
        Ok(FilePattern::Local(path)) => std::path::absolute(&path).map_or(path, |path| path.to_string_lossy().into_owned()),
        Ok(FilePattern::Hub(_)) | Err(_) => text.clone(),
    };
    let mut all: Vec<String> = files.all().iter().map(absolute).collect();
    match files {
        OneOrMore::One(_) => all.pop().map_or(Json::Null, Json::from),
        OneOrMore::More(_) => all.into(),
    }
}

impl InputKey {
    pub fn of(experiment: &Experiment, settings: &Settings, task: &TaskSetting, read_for: ReadFor, hub: &Hub) -> Outcome<Self> {
        let checkpoint = match settings.checkpoint.strip_prefix(RUN_PREFIX) {
            Some(run) => best_checkpoint(experiment.runs(), run).map(CheckpointName::Folder),
            None => CheckpointName::parse(&settings.checkpoint, &experiment.folder(CHECKPOINT), hub.host()),
        };
        let written = || written(experiment, CHECKPOINT, &settings.checkpoint);
        let checkpoint = checkpoint.with_context(written).map_err(Failure::checkpoint)?;
        let costs_nothing = matches!(checkpoint, CheckpointName::Folder(_));
        let with_weights =
            settings.model.initialize == Initialize::Pretrained && (read_for == ReadFor::Training || costs_nothing);
        let data = DataKey::of(experiment, settings, task).map_err(Failure::data)?;
        Ok(Self { checkpoint, with_weights, data })
    }
}
