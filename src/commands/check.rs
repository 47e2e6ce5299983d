//! `gluepot check`.

use serde_json::json;

use super::{pretty, print};
use crate::checkpoint;
use crate::cli::{Check, overrides};
use crate::experiment::Surroundings;
use crate::failure::Outcome;
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose};
use crate::report::{label_warnings, plan_text};
use crate::runs::setting_rows;
use crate::terminal::Width;
use crate::train::Device;

/// Prints the plan of each experiment.
pub fn check(arguments: &Check) -> Outcome<()> {
    let (surroundings, hub) = (Surroundings::from_env(&arguments.runs.root), Hub::from_env(!arguments.format.is_json()));
    let overrides = overrides(&arguments.experiments.set, arguments.device);
    let mut plans = Vec::new();
    for file in &arguments.experiments.files {
        let inputs = Inputs::read(file, Purpose::Plan, &overrides, &surroundings, &hub)?;
        if !inputs.named.files.weights.is_empty() {
            // Whether the weights can be used is a part of the answer.
            inputs.initial()?;
        }
        if arguments.format.is_json() {
            plans.push(plan_json(&inputs));
        } else {
            let text = plan_text(&inputs, &setting_rows(&inputs), Width::of_stdout());
            print(&format!("{}\n\n{text}\n{}\n", file.display(), device_line(&inputs)))?;
        }
    }
    if arguments.format.is_json() { print(&pretty(&json!(plans))) } else { Ok(()) }
}

/// Which device would train, here; a plan for another machine is no mistake.
fn device_line(inputs: &Inputs) -> String {
    let settings = &inputs.trial.settings;
    match Device::choose(settings.device, settings.training.precision) {
        Ok(device) => format!("{:<11} {}", "device", device.name()),
        Err(error) => format!("{:<11} not on this machine: {error}", "device"),
    }
}

fn plan_json(inputs: &Inputs) -> serde_json::Value {
    let trial = &inputs.trial;
    let labels = trial.settings.task.task().labels;
    let parameters: usize = checkpoint::table(&trial.config, labels.len()).iter().map(checkpoint::Parameter::elements).sum();
    json!({
        "settings": setting_rows(inputs),
        "examples": { "train": trial.train_examples, "validation": trial.validation_examples },
        "labels": labels,
        "label_counts": inputs.labels(),
        "warnings": label_warnings(&inputs.labels(), trial.settings.task.task()),
        "parameters": parameters,
        "max_length": trial.max_length,
        "dropout": trial.dropout,
        "steps": {
            "total": trial.steps.total,
            "per_epoch": trial.steps.per_epoch,
            "batches_per_epoch": trial.steps.batches_per_epoch,
            "warmup": trial.steps.warmup,
            "between_evaluations": trial.steps.between_evaluations(trial.settings.evaluation.every),
        },
    })
}
