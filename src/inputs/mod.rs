//! Everything that a trial reads: found, read and counted, before anything is made of it.

mod pipeline;

pub use pipeline::{Pipeline, encode};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result};

use crate::architecture::Architecture;
use crate::checkpoint::RUN_PREFIX;
use crate::checkpoint::{CheckpointName, Files, Initial, Weights, initialize};
use crate::experiment::problem::Problems;
use crate::experiment::{Experiment, Override, Surroundings};
use crate::failure::{Failure, Outcome};
use crate::hub::{Commit, Hub, expand_home, tidy};
use crate::machine::input_file::sha256;
use crate::plan::{Facts, Hashes, Located, SettingRow, Trial, plan, setting_rows};
use crate::runs::{Commits, best_checkpoint};
use crate::settings::{CHECKPOINT, DATA_SOURCE, Initialize, Settings};
use crate::task::{Example, Origin, Source, SplitLabels, Task};
use crate::tokens::Tokens;

/// What the inputs are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look at the plan: weights are not downloaded.
    Plan,
    /// To train.
    Training,
}

/// A trial and what it reads.
#[derive(Debug)]
pub struct Inputs {
    /// The experiment as written.
    pub experiment: Experiment,
    /// The trial.
    pub trial: Trial,
    /// What the experiment names.
    pub named: Arc<Named>,
}

/// The checkpoint and the data that an experiment names.
#[derive(Debug)]
pub struct Named {
    /// The checkpoint as it is named.
    pub checkpoint: CheckpointName,
    /// The checkpoint's files.
    pub files: Files,
    /// The data's files.
    pub source: Source,
    /// The checkpoint's tokenizer.
    pub tokens: Tokens,
    architecture: Architecture,
    train: Vec<Example>,
    validation: Vec<Example>,
    /// All but that of the weights.
    hashes: Hashes,
    weights: OnceLock<String>,
    tokenizations: Mutex<BTreeMap<[usize; 3], u32>>,
}

/// What has been read already, for experiments that name the same checkpoint and the same data.
#[derive(Debug, Default)]
pub struct Shelf {
    read: Vec<(Origins, Arc<Named>)>,
}

/// What decides which files are read.
#[derive(Debug, PartialEq)]
struct Origins {
    checkpoint: CheckpointName,
    with_weights: bool,
    data: Origin,
    task: Task,
}

impl Inputs {
    /// Reads an experiment and everything that it names, and plans it.
    ///
    /// # Errors
    /// Every problem of the experiment at once; or data or checkpoint that cannot be used.
    pub fn read(path: &Path, purpose: Purpose, overrides: &[Override], surroundings: &Surroundings, hub: &Hub) -> Outcome<Self> {
        Self::of(Experiment::load(path, overrides, surroundings), purpose, hub, &mut Shelf::default())
    }

    /// Reads everything that an experiment names and is not on the shelf yet, and plans it.
    ///
    /// # Errors
    /// As [`Inputs::read`].
    pub fn of(mut experiment: Experiment, purpose: Purpose, hub: &Hub, shelf: &mut Shelf) -> Outcome<Self> {
        if experiment.sweep.is_some() && experiment.problems.is_empty() {
            let file = experiment.path().display();
            return Err(Failure::Usage(anyhow::anyhow!(
                "{file} is a sweep, not one training; `gluepot sweep {file} --dry-run` shows its trials, without --dry-run it runs them"
            )));
        }
        let Some(settings) = experiment.settings.clone() else {
            return Err(Failure::Experiment(experiment.sound().err().unwrap_or(Problems(Vec::new()))));
        };
        let wrong_already = !experiment.problems.is_empty();
        // Nothing is downloaded for an experiment that cannot run.
        let offline = Hub::offline();
        let read = shelf.named(&experiment, &settings, purpose, if wrong_already { &offline } else { hub });
        let read = match read {
            Err(_) if wrong_already => None,
            other => Some(other?),
        };
        let task = settings.task.task().clone();
        let planned = read.map(|named| (plan(settings, task, named.facts()), named));
        match planned {
            Some((Ok(trial), named)) if !wrong_already => Ok(Self { experiment, trial, named }),
            Some((Err(complaints), _)) => {
                experiment.complain(complaints);
                Err(Failure::Experiment(Problems(experiment.problems)))
            }
            _ => Err(Failure::Experiment(Problems(experiment.problems))),
        }
    }

    /// The training examples used.
    #[must_use]
    pub fn train(&self) -> &[Example] {
        &self.named.train[..self.trial.train_examples]
    }

    /// The validation examples used.
    #[must_use]
    pub fn validation(&self) -> &[Example] {
        &self.named.validation[..self.trial.validation_examples]
    }

    /// Every setting with its value and its origin.
    #[must_use]
    pub fn setting_rows(&self) -> Vec<SettingRow> {
        setting_rows(&self.experiment, &self.trial, &self.located())
    }

    fn located(&self) -> Located {
        let absolute = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let checkpoint = match &self.named.checkpoint {
            CheckpointName::Folder(folder) => Some((CHECKPOINT, absolute(folder))),
            CheckpointName::Hub { .. } => None,
        };
        let comes_from_folder = self.trial.settings.data.source != "hub";
        let data = self.named.source.train.paths.first().and_then(|path| path.parent()).filter(|_| comes_from_folder);
        checkpoint.into_iter().chain(data.map(|data| (DATA_SOURCE, absolute(data)))).collect()
    }

    /// How often each class is among the examples used; none where something else is predicted.
    #[must_use]
    pub fn labels(&self) -> Option<SplitLabels> {
        SplitLabels::of(&self.trial.task.head, self.train(), self.validation())
    }

    /// The oldest tokenization that gives the ids of both splits.
    ///
    /// # Errors
    /// The tokenizer refuses a text.
    pub fn tokenization(&self) -> Outcome<u32> {
        let key = [self.trial.max_length, self.trial.train_examples, self.trial.validation_examples];
        let mut known = self.named.tokenizations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokenization) = known.get(&key) {
            return Ok(*tokenization);
        }
        let (train, validation, trial) = (self.train(), self.validation(), &self.trial);
        let found = self.named.tokens.tokenization(train, validation, trial.max_length);
        let found = found.map_err(Failure::Checkpoint)?;
        known.insert(key, found);
        Ok(found)
    }

    /// The parameters that training starts from; where the weights were not asked for, all drawn.
    ///
    /// # Errors
    /// The weights are damaged, or are not those of this shape.
    pub fn initial(&self) -> Outcome<Initial> {
        let files = &self.named.files.weights;
        let read = || Weights::read_all(files, &self.trial.architecture);
        let weights = (!files.is_empty()).then(read).transpose().map_err(Failure::checkpoint)?;
        let named = || format!("the checkpoint {}", self.named.checkpoint);
        initialize(&self.trial.parameters, weights, self.trial.settings.seed).with_context(named).map_err(Failure::checkpoint)
    }
}

impl Shelf {
    fn named(&mut self, experiment: &Experiment, settings: &Settings, purpose: Purpose, hub: &Hub) -> Outcome<Arc<Named>> {
        let origins = Origins::of(experiment, settings, purpose, hub)?;
        if let Some((_, named)) = self.read.iter().find(|(known, _)| *known == origins) {
            return Ok(Arc::clone(named));
        }
        let named = Arc::new(Named::read(&origins, experiment, settings, hub)?);
        self.read.push((origins, Arc::clone(&named)));
        Ok(named)
    }
}

impl Origins {
    fn of(experiment: &Experiment, settings: &Settings, purpose: Purpose, hub: &Hub) -> Outcome<Self> {
        let named = || said(experiment, CHECKPOINT, &settings.checkpoint);
        let checkpoint = match settings.checkpoint.strip_prefix(RUN_PREFIX) {
            Some(run) => best_checkpoint(experiment.runs(), run).map(CheckpointName::Folder),
            None => CheckpointName::parse(&settings.checkpoint, &experiment.folder(CHECKPOINT), hub.host()),
        };
        let checkpoint = checkpoint.with_context(named).map_err(Failure::checkpoint)?;
        let costs_nothing = matches!(checkpoint, CheckpointName::Folder(_));
        let with_weights = settings.model.initialize == Initialize::Pretrained && (purpose == Purpose::Training || costs_nothing);
        let data = match settings.data.source.as_str() {
            "hub" => Origin::Hub,
            folder => Origin::Folder(tidy(&experiment.folder(DATA_SOURCE).join(expand_home(folder)))),
        };
        Ok(Self { checkpoint, with_weights, data, task: settings.task.task().clone() })
    }
}

/// A setting as it was written, and where.
fn said(experiment: &Experiment, path: &str, value: &str) -> String {
    format!("{path} = \"{value}\" ({})", experiment.origin(path))
}

impl Named {
    fn read(origins: &Origins, experiment: &Experiment, settings: &Settings, hub: &Hub) -> Outcome<Self> {
        let named = || said(experiment, CHECKPOINT, &settings.checkpoint);
        let files =
            Files::find(&origins.checkpoint, origins.with_weights, hub).with_context(named).map_err(Failure::checkpoint)?;
        let architecture = files.architecture().with_context(named).map_err(Failure::checkpoint)?;
        let tokens = Tokens::read(&files, &architecture).with_context(named).map_err(Failure::checkpoint)?;
        let task = &origins.task;
        let named = || said(experiment, DATA_SOURCE, &settings.data.source);
        let source = Source::find(&origins.data, task, hub).with_context(named).map_err(Failure::data)?;
        let train = source.train.read(task).map_err(Failure::data)?;
        let validation = source.validation.read(task).map_err(Failure::data)?;
        let data = [("train", &train), ("validation", &validation)];
        let hashes = Hashes {
            data: data.map(|(split, rows)| (split.to_string(), rows.sha256.clone())).into(),
            tokenizer: files.tokenizer_files().map(|file| (file.name(), file.sha256().to_string())).collect(),
            config: files.config.sha256().into(),
            weights: None,
        };
        Ok(Self {
            checkpoint: origins.checkpoint.clone(),
            files,
            tokens,
            architecture,
            source,
            train: train.examples,
            validation: validation.examples,
            hashes,
            weights: OnceLock::new(),
            tokenizations: Mutex::default(),
        })
    }

    /// SHA-256 of every file but the weights: of the bytes that were parsed.
    #[must_use]
    pub fn hashes_without_weights(&self) -> &Hashes {
        &self.hashes
    }

    /// SHA-256 of every file; the weights as they are when this is asked for the first time.
    ///
    /// # Errors
    /// The weights cannot be read.
    pub fn hashes(&self) -> Result<Hashes> {
        let weights = match self.weights.get() {
            _ if self.files.weights.is_empty() => None,
            Some(known) => Some(known.clone()),
            None => {
                let hash = sha256(&self.files.weights)?;
                Some(self.weights.get_or_init(|| hash).clone())
            }
        };
        Ok(Hashes { weights, ..self.hashes.clone() })
    }

    /// The commits of what comes from the hub.
    #[must_use]
    pub fn commits(&self) -> Commits {
        let text = |commit: &Option<Commit>| commit.as_ref().map(|commit| commit.as_str().to_string());
        Commits { checkpoint: text(&self.files.commit), data: text(&self.source.commit) }
    }

    /// What people should know of how the files were found.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.files.remark.iter().chain(&self.source.remark).map(String::as_str)
    }

    fn facts(&self) -> Facts {
        Facts {
            architecture: self.architecture.clone(),
            tokenizer_longest: self.tokens.longest(),
            train_examples: self.train.len(),
            validation_examples: self.validation.len(),
        }
    }
}
