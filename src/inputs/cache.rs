//! A cache of inputs that have already been read.

use std::sync::Arc;

use super::ReadFor;
use super::key::InputKey;
use super::loaded::LoadedInputs;
use crate::experiment::Experiment;
use crate::failure::Outcome;
use crate::hub::Hub;
use crate::settings::{Settings, TaskSetting};

/// Inputs that have already been read, for experiments that share a checkpoint and data.
#[derive(Debug, Default)]
pub struct InputCache {
    entries: Vec<(InputKey, Arc<LoadedInputs>)>,
}

impl InputCache {
    pub(super) fn load(
        &mut self,
        experiment: &Experiment,
        settings: &Settings,
        task: &TaskSetting,
        read_for: ReadFor,
        hub: &Hub,
    ) -> Outcome<Arc<LoadedInputs>> {
        let key = InputKey::of(experiment, settings, task, read_for, hub)?;
        if let Some((_, loaded)) = self.entries.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(loaded));
        }
        let loaded = Arc::new(LoadedInputs::read(&key, experiment, settings, hub)?);
        self.entries.push((key, Arc::clone(&loaded)));
        Ok(loaded)
    }
}
