//! The plan of an experiment, as `gluepot check` prints it.

use std::path::Path;

use serde_json::{Value, json};

use super::input_contract::{contract_text, labeled};
use super::plan::commits;
use super::{label_warnings, plan_text};
use crate::checkpoint::Initial;
use crate::inputs::{CheckedInputs, TrialInputs};
use crate::numbers::bytes;
use crate::plan::Trial;
use crate::runs::{DiskSpace, free_bytes};
use crate::terminal::{Width, listed, paragraph};
use crate::train::Device;

/// Formats every setting, the steps, the tensors, the model's input, the device and the disk space. `root` is the folder for
/// runs.
#[must_use]
pub fn check_text(checked: &CheckedInputs, root: &Path, width: Width) -> String {
    let CheckedInputs { inputs, initial, contract } = checked;
    let mut lines = vec![plan_text(inputs, &inputs.setting_rows(), width)];
    lines.extend(initial.iter().flat_map(|initial| tensor_lines(initial, &inputs.trial, width)));
    lines.push(contract_text(contract, inputs.trial.max_length, width));
    lines.extend(contract.disagreements.iter().map(|disagreement| paragraph(&format!("warning: {disagreement}"), width)));
    lines.extend([device_line(inputs), disk_line(inputs, root)]);
    lines.join("\n")
}

/// Formats which tensors are new, unused and cast.
fn tensor_lines(initial: &Initial, trial: &Trial, width: Width) -> Vec<String> {
    let summary = initial.summary(&trial.parameters);
    let cast = summary.cast.iter().map(|(dtype, names)| ("cast", format!("{} from {dtype} to float32", listed(names))));
    let named = [("new", listed(&summary.new)), ("unused", listed(&summary.unused))].into_iter().chain(cast);
    named.filter(|(_, names)| !names.is_empty()).map(|(name, names)| labeled(name, &names, width)).collect()
}

/// Formats which device would train on this machine; a plan for another machine is not an error.
fn device_line(inputs: &TrialInputs) -> String {
    match Device::choose(inputs.trial.settings.device, inputs.trial.precision) {
        Ok(device) => format!("{:<11} {}", "device", device.name()),
        Err(error) => format!("{:<11} not on this machine: {error}", "device"),
    }
}

/// Formats how much disk space the run would need, and whether it is available.
fn disk_line(inputs: &TrialInputs, root: &Path) -> String {
    let space = DiskSpace::of(&inputs.trial);
    let needs =
        format!("{:<11} up to {} while it trains, {} afterwards", "disk", bytes(space.peak_bytes), bytes(space.kept_bytes));
    match free_bytes(root) {
        Some(free) if free < space.peak_bytes => format!("{needs}: more than the {} free for {}", bytes(free), root.display()),
        Some(free) => format!("{needs}; {} free", bytes(free)),
        None => needs,
    }
}

/// Returns the same as JSON.
#[must_use]
pub fn check_json(checked: &CheckedInputs, root: &Path) -> Value {
    let CheckedInputs { inputs, initial, contract } = checked;
    let tensors = |initial: &Initial| json!({ "new": initial.drawn, "unused": initial.unused, "cast": initial.cast });
    let (trial, source) = (&inputs.trial, &inputs.loaded.source);
    let space = DiskSpace::of(trial);
    json!({
        "settings": inputs.setting_rows(),
        "examples": { "train": trial.train_examples, "validation": trial.validation_examples },
        "files": { "train": source.train.names(), "validation": source.validation.names() },
        "commits": commits(inputs),
        "labels": trial.task.head.labels(),
        "label_counts": inputs.labels(),
        "class_weights": trial.loss.class_weights(),
        "warnings": label_warnings(inputs.labels().as_ref(), &trial.task.head),
        "parameters": trial.parameter_count(),
        "tensors": initial.as_ref().map(tensors),
        "input": contract,
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
