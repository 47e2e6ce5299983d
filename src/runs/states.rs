//! Saved states that a run can be resumed from.
//!
//! `states/step-000040/` holds parameters, moments, counters, and what the recorder knows; its manifest reveals damage.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::directory::{RunDirectory, files};
use super::manifest::RunManifest;
use super::recorded::Recorded;
use super::step_folder::{folder, step_of};
use crate::architecture::Parameter;
use crate::checkpoint::{HostTensor, read_tensors, tensor_bytes};
use crate::machine::durable::{MANIFEST, check_folder, retire_folder, write_folder};
use crate::train::{Counters, TrainingState};

const FORMAT: u32 = 1;
const PARAMETERS: &str = "parameters.safetensors";
const FIRST: &str = "first_moments.safetensors";
const SECOND: &str = "second_moments.safetensors";
const PROGRESS: &str = "progress.json";
const PREDICTIONS: &str = "predictions.csv";
/// The newest state, and the previous one in case the newest is damaged.
pub const KEPT: usize = 2;

/// A training run and its record, between two steps.
pub struct SavedState {
    pub training: TrainingState,
    /// What has been recorded so far.
    pub recorded: Recorded,
    /// The predictions at the best evaluation so far, in the file's format.
    pub predictions: Option<Vec<u8>>,
}

/// The content of `progress.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgressFile {
    format_version: u32,
    training: Counters,
    recorded: Recorded,
}

/// A state that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The state's folder.
    pub path: PathBuf,
    /// Why it cannot be used.
    pub reason: String,
}

/// Saves a state.
///
/// # Errors
/// The disk is full or the folder cannot be written; older states stay intact.
pub fn save(
    directory: &RunDirectory,
    table: &[Parameter],
    training: &TrainingState,
    recorded: &Recorded,
    predictions: Option<&[u8]>,
) -> Result<()> {
    let root = directory.path(files::STATES);
    fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let named = |tensors: &[HostTensor]| tensor_bytes(table.iter().map(|entry| entry.name.as_str()).zip(tensors));
    write_folder(&root.join(folder(training.counters.steps)), |folder| {
        folder.write(PARAMETERS, &named(&training.parameters)?)?;
        folder.write(FIRST, &named(&training.first_moments)?)?;
        folder.write(SECOND, &named(&training.second_moments)?)?;
        if let Some(predictions) = predictions {
            folder.write(PREDICTIONS, predictions)?;
        }
        let progress = ProgressFile { format_version: FORMAT, training: training.counters.clone(), recorded: recorded.clone() };
        folder.write(PROGRESS, &serde_json::to_vec_pretty(&progress)?)
    })
    .with_context(|| format!("cannot save the state of step {}", training.counters.steps))
}

/// Steps of the newest `count` states, newest first.
#[must_use]
pub fn steps(directory: &RunDirectory, count: usize) -> Vec<u64> {
    all(directory).into_iter().take(count).map(|(step, _)| step).collect()
}

/// Removes all states but the newest `count`.
pub fn keep(directory: &RunDirectory, count: usize) -> Result<()> {
    for (_, path) in all(directory).into_iter().skip(count) {
        retire_folder(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Returns the newest intact state, and any newer ones that are damaged.
#[must_use]
pub fn newest(directory: &RunDirectory, table: &[Parameter]) -> (Option<SavedState>, Vec<Damaged>) {
    let mut damaged = Vec::new();
    // A damaged run manifest is reported elsewhere, by whoever checks it first.
    let manifest = RunManifest::read(directory).ok().flatten();
    let is_listed_so = |step: u64| {
        let name = format!("{}/{}/{MANIFEST}", files::STATES, folder(step));
        manifest.as_ref().map_or(Ok(()), |manifest| manifest.check(directory, &name)).context(MANIFEST)
    };
    for (step, path) in all(directory) {
        match is_listed_so(step).and_then(|()| read(&path, step, table)) {
            Ok(state) => return (Some(state), damaged),
            Err(error) => damaged.push(Damaged { path, reason: format!("{error:#}") }),
        }
    }
    (None, damaged)
}

/// Steps and folders of all states, newest first.
#[must_use]
pub fn all(directory: &RunDirectory) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(directory.path(files::STATES)).into_iter().flatten().flatten();
    let named = |entry: fs::DirEntry| Some((step_of(entry.file_name().to_str()?)?, entry.path()));
    let mut states: Vec<(u64, PathBuf)> = entries.filter_map(named).collect();
    states.sort_unstable_by_key(|(step, _)| std::cmp::Reverse(*step));
    states
}

fn read(path: &std::path::Path, step: u64, table: &[Parameter]) -> Result<SavedState> {
    check_folder(path)?;
    let text = fs::read_to_string(path.join(PROGRESS)).with_context(|| format!("cannot read {PROGRESS}"))?;
    let progress: ProgressFile = serde_json::from_str(&text).with_context(|| format!("{PROGRESS} is damaged"))?;
    ensure!(progress.format_version == FORMAT, "it is of version {}, not {FORMAT}", progress.format_version);
    ensure!(progress.training.steps == step, "it says step {} and lies in the folder of step {step}", progress.training.steps);
    let tensors = |name: &str| ordered(&path.join(name), table).with_context(|| name.to_string());
    let training = TrainingState {
        parameters: tensors(PARAMETERS)?,
        first_moments: tensors(FIRST)?,
        second_moments: tensors(SECOND)?,
        counters: progress.training,
    };
    Ok(SavedState { training, recorded: progress.recorded, predictions: fs::read(path.join(PREDICTIONS)).ok() })
}

/// Reads the tensors of a file in parameter-table order.
fn ordered(path: &std::path::Path, table: &[Parameter]) -> Result<Vec<HostTensor>> {
    let mut tensors: std::collections::BTreeMap<String, HostTensor> = read_tensors(path)?.into_iter().collect();
    let take = |entry: &Parameter| {
        let tensor = tensors.remove(&entry.name).with_context(|| format!("{} is missing", entry.name))?;
        ensure!(tensor.shape == entry.shape, "{} has the shape {:?} instead of {:?}", entry.name, tensor.shape, entry.shape);
        Ok(tensor)
    };
    table.iter().map(take).collect()
}
