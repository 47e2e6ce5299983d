//! The key that identifies an experiment's input files.

use anyhow::Context;

use super::{ReadFor, written};
use crate::checkpoint::{CheckpointName, RUN_PREFIX};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::{Hub, expand_home, tidy};
use crate::runs::best_checkpoint;
use crate::settings::{CHECKPOINT, DATA_SOURCE, Initialize, Settings};
use crate::task::{Origin, Task};

/// Everything that determines which files are read.
#[derive(Debug, PartialEq)]
pub struct InputKey {
    pub checkpoint: CheckpointName,
    pub with_weights: bool,
    pub data: Origin,
    pub task: Task,
}

impl InputKey {
    pub fn of(experiment: &Experiment, settings: &Settings, task: &Task, read_for: ReadFor, hub: &Hub) -> Outcome<Self> {
        let checkpoint = match settings.checkpoint.strip_prefix(RUN_PREFIX) {
            Some(run) => best_checkpoint(experiment.runs(), run).map(CheckpointName::Folder),
            None => CheckpointName::parse(&settings.checkpoint, &experiment.folder(CHECKPOINT), hub.host()),
        };
        let written = || written(experiment, CHECKPOINT, &settings.checkpoint);
        let checkpoint = checkpoint.with_context(written).map_err(Failure::checkpoint)?;
        let costs_nothing = matches!(checkpoint, CheckpointName::Folder(_));
        let with_weights =
            settings.model.initialize == Initialize::Pretrained && (read_for == ReadFor::Training || costs_nothing);
        let data = match settings.data.source.as_str() {
            "hub" => Origin::Hub,
            folder => Origin::Folder(tidy(&experiment.folder(DATA_SOURCE).join(expand_home(folder)))),
        };
        Ok(Self { checkpoint, with_weights, data, task: task.clone() })
    }
}
