//! A fine-tuned model: the best checkpoint of a run, or a checkpoint with a head.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};

use super::head::head_of;
use crate::checkpoint::{CheckpointName, Classifier, Files, RUN_PREFIX, Weights, initialize};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::models::Model;
use crate::runs::{FindError, StoredRun, best_checkpoint, files, find};
use crate::settings::{Data, DeviceChoice, Precision, Settings};
use crate::task::{Example, Head, Output, Task};
use crate::tokens::{Encoded, Tokens};
use crate::train::{BatchLayout, Device, load_model, predict};

/// Which model to load, and where.
#[derive(Clone, Copy, Debug)]
pub struct ModelName<'a> {
    /// A run (its id, name or path), a checkpoint's folder, or a repository of the hub.
    pub name: &'a str,
    /// The folder of runs.
    pub runs: &'a Path,
    /// The device to compute on.
    pub device: DeviceChoice,
}

/// The run that trained a model.
#[derive(Debug)]
pub struct ModelOrigin {
    pub run: StoredRun,
    pub task: Task,
    pub settings: Settings,
    /// The settings, with the places where paths start.
    pub experiment: Experiment,
}

/// A model that predicts.
pub struct LoadedModel {
    /// The checkpoint.
    pub checkpoint: CheckpointName,
    /// What its outputs mean, in their order.
    pub head: Head,
    /// The run that trained it, if gluepot did.
    pub origin: Option<ModelOrigin>,
    model: Model,
    tokens: Tokens,
    device: Device,
    max_length: usize,
    batch_size: std::num::NonZeroUsize,
    layout: BatchLayout,
}

impl LoadedModel {
    /// Loads a model.
    ///
    /// # Errors
    /// There is no such run or checkpoint; it has no head, or cannot be used; the device is not available.
    pub fn load(name: ModelName<'_>, hub: &Hub) -> Outcome<Self> {
        let origin = ModelOrigin::find(name)?;
        let checkpoint = match &origin {
            Some(origin) => {
                let path = origin.run.path.to_string_lossy();
                CheckpointName::Folder(best_checkpoint(name.runs, &path).map_err(Failure::checkpoint)?)
            }
            None => CheckpointName::parse(name.name, Path::new(""), hub.host()).map_err(Failure::checkpoint)?,
        };
        let named = || format!("the checkpoint {checkpoint}");
        let files = Files::find(&checkpoint, true, hub).with_context(named).map_err(Failure::checkpoint)?;
        let architecture = files.architecture().with_context(named).map_err(Failure::checkpoint)?;
        let tokens = Tokens::read(&files, &architecture).with_context(named).map_err(Failure::checkpoint)?;
        let weights = Weights::read_all(&files.weights, &architecture).with_context(named).map_err(Failure::checkpoint)?;
        let head = match &origin {
            Some(origin) => origin.task.head.clone(),
            None => head_of(&architecture, &weights).with_context(named).map_err(Failure::checkpoint)?,
        };
        let parameters = architecture.parameters(&head);
        let initial =
            initialize(&parameters, Some(weights), &Classifier::Kept, 0).with_context(named).map_err(Failure::checkpoint)?;
        let has_head = || -> anyhow::Result<()> {
            ensure!(
                initial.drawn.is_empty(),
                "it has no weights for {}: fine-tune it first, or name a fine-tuned checkpoint",
                initial.drawn.join(", ")
            );
            Ok(())
        };
        has_head().with_context(named).map_err(Failure::checkpoint)?;
        let (precision, data) = match &origin {
            Some(origin) => (origin.settings.training.precision.resolved(Precision::Fp32), origin.settings.data.clone()),
            None => (Precision::Fp32, Data::default()),
        };
        // A run on a GPU can be evaluated on a CPU, too.
        let (device, precision) = match Device::choose(name.device, precision) {
            Ok(device) => (device, precision),
            Err(crate::train::DeviceError::NoPrecision { .. }) => {
                (Device::choose(name.device, Precision::Fp32).map_err(Failure::Device)?, Precision::Fp32)
            }
            Err(error) => return Err(Failure::Device(error)),
        };
        let longest = tokens.longest().map_or(architecture.longest(), |longest| longest.min(architecture.longest()));
        let max_length = data.max_length.unwrap_or(longest);
        let model = load_model(&architecture, &parameters, &initial.parameters, max_length, precision, &device)
            .map_err(|error| Failure::Internal(error.into()))?;
        Ok(Self {
            max_length,
            batch_size: data.eval_batch_size,
            layout: BatchLayout::in_model(&architecture),
            checkpoint,
            head,
            origin,
            model,
            tokens,
            device,
        })
    }

    /// Returns the outputs for some examples, in their order.
    pub fn predict(&self, examples: &[Example]) -> Outcome<Vec<Output>> {
        let encoded = self.encode(examples)?;
        Ok(predict(&self.model, &encoded, self.batch_size, self.layout, &self.device)?)
    }

    fn encode(&self, examples: &[Example]) -> Outcome<Vec<Encoded>> {
        self.tokens.encode(examples, self.max_length).map_err(Failure::Checkpoint)
    }
}

impl ModelOrigin {
    /// Finds the run that a name means; `None` if it is that of a checkpoint.
    fn find(name: ModelName<'_>) -> Outcome<Option<Self>> {
        let is_named_run = name.name.starts_with(RUN_PREFIX);
        let wanted = name.name.strip_prefix(RUN_PREFIX).unwrap_or(name.name);
        let is_checkpoint = |path: &Path| path.join("config.json").exists() && !path.join(files::RUN).exists();
        if !is_named_run && is_checkpoint(Path::new(wanted)) {
            return Ok(None);
        }
        match find(name.runs, wanted) {
            Ok(run) => Self::of(run, name.runs).map(Some),
            // A folder or a repository may have the name that no run has.
            Err(FindError::NotFound(_)) if !is_named_run && (wanted.contains('/') || Path::new(wanted).is_dir()) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn of(run: StoredRun, runs: &Path) -> Outcome<Self> {
        let task = run.facts.definition().map_err(Failure::RunDirectory)?.clone();
        let path: PathBuf = run.path.join(files::RESOLVED);
        let experiment = Experiment::recorded(&path, &[], runs);
        let settings = experiment.sound().map_err(Failure::Experiment)?.clone();
        if run.facts.id.is_empty() {
            return Err(Failure::RunDirectory(anyhow!("{} has no id", run.path.display())));
        }
        Ok(Self { run, task, settings, experiment })
    }
}
