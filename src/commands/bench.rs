//! `gluepot bench`.

use super::{pretty, print};
use crate::cli::BenchArgs;
use crate::execute::with_device;
use crate::experiment::Environment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{EncodedInputs, ReadFor, TrialInputs};
use crate::report::SpeedFigures;
use crate::tokens::TokenCache;
use crate::train::{matmul_peak, measure};

/// Times some steps of an experiment and prints how fast they were.
pub fn bench(arguments: &BenchArgs) -> Outcome<()> {
    let overrides = arguments.overrides.all();
    let inputs = TrialInputs::read(
        &arguments.file,
        ReadFor::Training,
        &overrides,
        &Environment::from_env(&arguments.runs.root),
        &Hub::from_env(!arguments.format.is_json()),
    )?;
    let (inputs, device) = with_device(inputs)?;
    let device = arguments.kernels.on(device);
    let device = if arguments.no_graphs { device.without_recordings() } else { device };
    let encoded = EncodedInputs::new(&inputs, &TokenCache::of_user())?;
    let counts = (arguments.warm_up, arguments.steps.get());
    let speed = measure(&inputs.trial, &encoded.initial.parameters, &encoded.train, &device, counts)?;
    let peak = matmul_peak(&device, inputs.trial.precision).map_err(Failure::Internal)?;
    let figures = SpeedFigures::of(&speed, peak);
    print(&if arguments.format.is_json() { pretty(&serde_json::json!(figures)) } else { figures.text(device.name()) })
}
