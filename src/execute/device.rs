//! The device that a trial trains on.

use crate::experiment::problem::Problems;
use crate::failure::{Failure, Outcome};
use crate::inputs::TrialInputs;
use crate::settings::no_precision;
use crate::train::{Device, DeviceError};

/// Chooses the device that the settings name.
///
/// # Errors
/// The device is not available, or cannot compute in the requested precision, which is a problem of the experiment.
pub fn with_device(mut inputs: TrialInputs) -> Outcome<(TrialInputs, Device)> {
    match Device::choose(inputs.trial.settings.device, inputs.trial.precision) {
        Ok(device) => Ok((inputs, device)),
        Err(DeviceError::NoPrecision { precision, device }) => {
            inputs.experiment.add_problems(vec![no_precision(precision, &device)]);
            Err(Failure::Experiment(Problems(inputs.experiment.problems)))
        }
        Err(error) => Err(Failure::Device(error)),
    }
}
