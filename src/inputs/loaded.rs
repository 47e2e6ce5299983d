//! The checkpoint and the data of an experiment, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result};

use super::key::InputKey;
use super::read_data::read_data;
use super::written;
use crate::architecture::Architecture;
use crate::checkpoint::{CheckpointName, Classifier, Files};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::{Commit, Hub};
use crate::machine::input_file::sha256;
use crate::plan::{Facts, Hashes};
use crate::runs::Commits;
use crate::settings::{CHECKPOINT, Settings};
use crate::task::{Example, Source, SplitLabels, Task};
use crate::tokens::Tokens;
use crate::train::fastest_precision;

/// The checkpoint and the data of an experiment, shared by all trials that use them.
#[derive(Debug)]
pub struct LoadedInputs {
    pub checkpoint: CheckpointName,
    /// The checkpoint's files.
    pub files: Files,
    /// The task, with all its labels.
    pub task: Task,
    /// The data's files.
    pub source: Source,
    /// The checkpoint's tokenizer.
    pub tokens: Tokens,
    architecture: Architecture,
    /// How the checkpoint's classifier is used.
    pub classifier: Classifier,
    pub(super) train: Vec<Example>,
    pub(super) validation: Vec<Example>,
    /// Further validation splits by name.
    pub(super) further: Vec<(String, Vec<Example>)>,
    data_remarks: Vec<String>,
    /// All hashes except that of the weights.
    hashes: Hashes,
    weights: OnceLock<String>,
    /// Tokenization versions by maximum length and number of examples in each split; computing one may require encoding.
    tokenizations: Mutex<BTreeMap<[usize; 3], u32>>,
}

impl LoadedInputs {
    pub(super) fn read(key: &InputKey, experiment: &Experiment, settings: &Settings, hub: &Hub) -> Outcome<Self> {
        let checkpoint = || written(experiment, CHECKPOINT, &settings.checkpoint);
        let files = Files::find(&key.checkpoint, key.with_weights, hub).with_context(checkpoint).map_err(Failure::checkpoint)?;
        let architecture = files.architecture().with_context(checkpoint).map_err(Failure::checkpoint)?;
        let tokens = Tokens::read(&files, &architecture).with_context(checkpoint).map_err(Failure::checkpoint)?;
        let data = read_data(&key.data, experiment, settings, hub)?;
        let classifier = if files.weights.is_empty() {
            Classifier::default()
        } else {
            Classifier::of(&architecture.labels(), data.task.head.labels())
        };
        let hashes = Hashes {
            data: data.hashes,
            tokenizer: files.tokenizer_files().map(|file| (file.name(), file.sha256().to_string())).collect(),
            config: files.config.sha256().into(),
            weights: None,
            classifier: classifier.record(),
        };
        Ok(Self {
            checkpoint: key.checkpoint.clone(),
            files,
            tokens,
            architecture,
            classifier,
            task: data.task,
            source: data.source,
            train: data.train,
            validation: data.validation,
            further: data.further,
            data_remarks: data.remarks,
            hashes,
            weights: OnceLock::new(),
            tokenizations: Mutex::default(),
        })
    }

    /// SHA-256 of every file except the weights, computed from the bytes that were parsed.
    #[must_use]
    pub fn hashes_without_weights(&self) -> &Hashes {
        &self.hashes
    }

    /// SHA-256 of every file; the weights are hashed when this is first called.
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

    /// The oldest tokenization version that gives the same token ids for the first examples of both splits.
    pub(super) fn tokenization(&self, train: usize, validation: usize, max_length: usize) -> Outcome<u32> {
        let key = [max_length, train, validation];
        let mut known = self.tokenizations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokenization) = known.get(&key) {
            return Ok(*tokenization);
        }
        let found = self.tokens.tokenization(&self.train[..train], &self.validation[..validation], max_length);
        let found = found.map_err(Failure::Checkpoint)?;
        known.insert(key, found);
        Ok(found)
    }

    /// Commits of the files that come from the hub.
    #[must_use]
    pub fn commits(&self) -> Commits {
        let text = |commit: &Commit| commit.as_str().to_string();
        let data = match self.source.commits.as_slice() {
            [] => None,
            [one] => Some(text(&one.commit)),
            several => {
                let named = several.iter().map(|one| format!("{}@{}", one.repository, one.commit.as_str()));
                Some(named.collect::<Vec<_>>().join(", "))
            }
        };
        Commits { checkpoint: self.files.commit.as_ref().map(text), data }
    }

    /// Notes for the user about how the files were found.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.files.remark.iter().chain(&self.source.remarks).map(String::as_str)
    }

    /// Notes for the user about the data itself.
    #[must_use]
    pub fn data_remarks(&self) -> &[String] {
        &self.data_remarks
    }

    /// The facts that a trial with these settings depends on.
    pub(super) fn facts(&self, settings: &Settings) -> Facts {
        let used = &self.train[..settings.data.train_examples(self.train.len())];
        Facts {
            architecture: self.architecture.clone(),
            tokenizer_longest: self.tokens.longest(),
            train_examples: self.train.len(),
            train_labels: SplitLabels::of(&self.task.head, used, &[]).map(|labels| labels.train),
            validation_examples: self.validation.len(),
            fastest_precision: fastest_precision(settings.device),
        }
    }
}
