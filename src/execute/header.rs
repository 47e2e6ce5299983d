//! The first lines of a run's log.

use anyhow::Result;

use crate::checkpoint::Classifier;
use crate::inputs::EncodedInputs;
use crate::numbers::{bytes, count};
use crate::progress::RunLog;
use crate::report::{constant_text, constant_value_text, label_text, label_warnings};
use crate::runs::{DiskSpace, RunFacts, device_text};
use crate::settings::DeviceChoice;
use crate::terminal::listed;
use crate::train::{Device, unused_gpu};

/// Writes what is trained on what, and how the checkpoint's weights are used.
pub(super) fn write_header(encoded: &EncodedInputs<'_>, facts: &RunFacts, device: &Device, log: &mut RunLog) -> Result<()> {
    let trial = &encoded.inputs.trial;
    log.print(&format!(
        "{}: {} on {} training and {} validation examples, {} steps, {} parameters, {}",
        trial.settings.name,
        trial.task.name,
        count(trial.train_examples as u64),
        count(trial.validation_examples as u64),
        count(trial.steps.total),
        count(trial.parameter_count() as u64),
        device_text(device.name(), device.model().as_deref()),
    ))?;
    let (labels, task) = (encoded.inputs.labels(), &trial.task);
    if let Some(labels) = &labels {
        log.print(&format!(
            "labels: train {}; validation {}; always predicting one label scores {}",
            label_text(labels.train.counts(), &task.head),
            label_text(labels.validation.counts(), &task.head),
            constant_text(labels, task)
        ))?;
    }
    if let Some(values) = encoded.inputs.values() {
        log.print(&format!("always predicting one number scores {}", constant_value_text(&values, task)))?;
    }
    for warning in label_warnings(labels.as_ref(), &task.head) {
        log.print(&format!("warning: {warning}"))?;
    }
    let tensors = encoded.initial.summary(&trial.parameters);
    if encoded.inputs.loaded.files.weights.is_empty() {
        log.print("all weights are randomly initialized; only the checkpoint's architecture is used")?;
    } else if encoded.initial.head_of_other_labels {
        log.print(&format!("randomly initialized (the checkpoint's are for other labels): {}", listed(&tensors.new)))?;
    } else if !encoded.initial.drawn.is_empty() {
        log.print(&format!("randomly initialized (not in the checkpoint): {}", listed(&tensors.new)))?;
    }
    if let Some(remark) = kept_classifier(encoded) {
        log.print(&remark)?;
    }
    if let Some(dtype) = trial.architecture.other_dtype().filter(|_| tensors.cast.is_empty()) {
        log.print(&format!("the dtype in config.json is {dtype}; weights and training are in float32"))?;
    }
    for (dtype, names) in &tensors.cast {
        log.print(&format!("cast from {dtype} to float32: {}", listed(names)))?;
    }
    if let Some(kind) = trial.architecture.other_problem(&task.head) {
        log.print(&format!("the checkpoint's problem_type is \"{kind}\"; it is trained for {} here", task.head.problem_type()))?;
    }
    for remark in encoded.inputs.loaded.data_remarks() {
        log.print(&format!("warning: {remark}"))?;
    }
    for disagreement in facts.input.iter().flat_map(|input| &input.disagreements) {
        log.print(&format!("warning: {disagreement}"))?;
    }
    let source = &encoded.inputs.loaded.source;
    if !source.commits.is_empty() {
        log.write(&format!("training files: {}", source.train.shown()))?;
        log.write(&format!("validation files: {}", source.validation.shown()))?;
    }
    // The terminal already showed them while the hub was queried.
    for remark in encoded.inputs.loaded.remarks() {
        log.write(&format!("warning: {remark}"))?;
    }
    for row in encoded.inputs.setting_rows().iter().filter(|row| row.origin.starts_with("environment ")) {
        if let Some(value) = row.toml() {
            log.print(&format!("{}: {} = {value}", row.origin, row.path()))?;
        }
    }
    if !tensors.unused.is_empty() {
        log.print(&format!("unused weights of the checkpoint: {}", listed(&tensors.unused)))?;
    }
    if let Some(said) = unused_gpu().filter(|_| trial.settings.device == DeviceChoice::Auto) {
        log.print(&said)?;
    }
    let space = DiskSpace::of(trial);
    log.print(&format!("disk: up to {} for checkpoints and states", bytes(space.peak_bytes)))
}

/// How the checkpoint's classifier is used, if that is not obvious.
fn kept_classifier(encoded: &EncodedInputs<'_>) -> Option<String> {
    let trial = &encoded.inputs.trial;
    let (theirs, ours) = (trial.architecture.labels(), trial.task.head.labels());
    let has_weights = !encoded.inputs.loaded.files.weights.is_empty();
    if !has_weights || !encoded.initial.drawn.is_empty() || theirs.is_empty() || ours.is_empty() {
        return None;
    }
    match &encoded.inputs.loaded.classifier {
        Classifier::Permuted(_) => Some(format!(
            "the checkpoint's classifier is kept, its outputs reordered from {} to {}",
            theirs.join(", "),
            ours.join(", ")
        )),
        Classifier::Kept if theirs != ours => Some(format!(
            "the checkpoint's classifier is kept, output by output: {} become {}",
            theirs.join(", "),
            ours.join(", ")
        )),
        Classifier::Kept | Classifier::Dropped => None,
    }
}
