//! Reads the data that an experiment names.

use anyhow::Context;

use super::key::DataKey;
use super::loaded_data::LoadedData;
use super::{own_data, written};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::settings::{DATA_SOURCE, Settings};
use crate::task::Source;

/// Reads the training and validation splits.
pub fn read_data(key: &DataKey, experiment: &Experiment, settings: &Settings, hub: &Hub) -> Outcome<LoadedData> {
    match key {
        DataKey::Glue { task, origin } => {
            let data = || written(experiment, DATA_SOURCE, &settings.data.source);
            let source = Source::find(origin, task, hub).with_context(data).map_err(Failure::data)?;
            LoadedData::of(source, task).map_err(Failure::data)
        }
        DataKey::Own { task, files } => own_data::read(task, files, hub).map_err(Failure::data),
    }
}
