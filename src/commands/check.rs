//! `gluepot check`.

use std::path::Path;

use serde_json::json;

use super::{pretty, print, warn_of};
use crate::cli::Check;
use crate::experiment::Environment;
use crate::failure::Outcome;
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose};
use crate::numbers::bytes;
use crate::report::{label_warnings, plan_text};
use crate::runs::{DiskSpace, free_bytes};
use crate::terminal::Width;
use crate::train::Device;

/// Prints the plan of each experiment.
pub fn check(arguments: &Check) -> Outcome<()> {
    let (environment, hub) = (Environment::from_env(&arguments.runs.root), Hub::from_env(!arguments.format.is_json()));
    let overrides = arguments.experiments.overrides.all();
    let mut plans = Vec::new();
    for file in &arguments.experiments.files {
        let inputs = Inputs::read(file, Purpose::Plan, &overrides, &environment, &hub)?;
        warn_of(&inputs.experiment);
        if !inputs.named.files.weights.is_empty() {
            // Whether the weights can be used is a part of the answer.
            inputs.initial()?;
        }
        if arguments.format.is_json() {
            plans.push(plan_json(&inputs, &arguments.runs.root));
        } else {
            let text = plan_text(&inputs, &inputs.setting_rows(), Width::of_stdout());
            let disk = disk_line(&inputs, &arguments.runs.root);
            print(&format!("{}\n\n{text}\n{}\n{disk}\n", file.display(), device_line(&inputs)))?;
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

/// How much disk the run would take, and whether that is there.
fn disk_line(inputs: &Inputs, root: &Path) -> String {
    let space = DiskSpace::of(&inputs.trial);
    let needs =
        format!("{:<11} up to {} while it trains, {} afterwards", "disk", bytes(space.peak_bytes), bytes(space.kept_bytes));
    match free_bytes(root) {
        Some(free) if free < space.peak_bytes => format!("{needs}: more than the {} free for {}", bytes(free), root.display()),
        Some(free) => format!("{needs}; {} free", bytes(free)),
        None => needs,
    }
}

fn plan_json(inputs: &Inputs, root: &Path) -> serde_json::Value {
    let trial = &inputs.trial;
    let space = DiskSpace::of(trial);
    json!({
        "settings": inputs.setting_rows(),
        "examples": { "train": trial.train_examples, "validation": trial.validation_examples },
        "labels": trial.task.head.labels(),
        "label_counts": inputs.labels(),
        "warnings": label_warnings(inputs.labels().as_ref(), &trial.task.head),
        "parameters": trial.parameter_count(),
        "disk": { "peak_bytes": space.peak_bytes, "kept_bytes": space.kept_bytes, "free_bytes": free_bytes(root) },
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
