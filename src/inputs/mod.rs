//! Finds and reads everything that a trial needs, before any further processing.

mod cache;
mod checked;
mod contract;
mod encoded;
mod evaluation_examples;
mod file_pattern;
mod hub_data;
mod key;
mod loaded;
mod loaded_data;
mod own_data;
mod own_files;
mod read_data;
mod validation_share;

pub use cache::InputCache;
pub use checked::CheckedInputs;
pub use encoded::{EncodedInputs, encode};
pub use evaluation_examples::{EvaluationData, EvaluationExamples};
pub use loaded::LoadedInputs;

pub use key::glue_origin;

use key::absolute_patterns;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde_json::Value as Json;

use crate::checkpoint::{CheckpointName, Initial, Weights, initialize};
use crate::experiment::problem::Problems;
use crate::experiment::{Environment, Experiment, Override};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::plan::{Hashes, Located, Provenance, SettingRow, Trial, numerics, plan, setting_rows};
use crate::settings::{CHECKPOINT, DATA_SOURCE, TaskSetting};
use crate::task::{Example, Head, SplitLabels, ValueStatistics};

/// The purpose of reading the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFor {
    /// Showing the plan: weights are not downloaded.
    Plan,
    Training,
}

/// A trial and its inputs.
#[derive(Debug)]
pub struct TrialInputs {
    /// The experiment as written.
    pub experiment: Experiment,
    pub trial: Trial,
    /// The checkpoint and the data.
    pub loaded: Arc<LoadedInputs>,
}

impl TrialInputs {
    /// Reads an experiment and its inputs, and plans the trial.
    ///
    /// # Errors
    /// All problems of the experiment at once; or the data or the checkpoint cannot be used.
    pub fn read(path: &Path, read_for: ReadFor, overrides: &[Override], environment: &Environment, hub: &Hub) -> Outcome<Self> {
        Self::of(Experiment::load(path, overrides, environment), read_for, hub, &mut InputCache::default())
    }

    /// Reads the inputs of an experiment that are not in the cache yet, and plans the trial.
    pub fn of(experiment: Experiment, read_for: ReadFor, hub: &Hub, cache: &mut InputCache) -> Outcome<Self> {
        let task = experiment.settings.as_ref().map(|settings| settings.task.clone());
        Self::of_task(experiment, task, read_for, hub, cache)
    }

    /// Like `of`, but for this task, which may differ from the one in the settings; `None` if there are no settings.
    pub fn of_task(
        mut experiment: Experiment,
        task: Option<TaskSetting>,
        read_for: ReadFor,
        hub: &Hub,
        cache: &mut InputCache,
    ) -> Outcome<Self> {
        if experiment.sweep.is_some() && experiment.problems.is_empty() {
            let file = experiment.path().display();
            return Err(Failure::Usage(anyhow!(
                "{file} is a sweep, not one training; `gluepot sweep {file} --dry-run` shows its trials, without --dry-run it runs them"
            )));
        }
        let Some((settings, task)) = experiment.settings.clone().zip(task) else {
            return Err(Failure::Experiment(experiment.sound().err().unwrap_or(Problems(Vec::new()))));
        };
        let wrong_already = !experiment.problems.is_empty();
        // Download nothing for an experiment that cannot run.
        let offline = Hub::offline();
        let hub = if wrong_already { &offline } else { hub };
        let read = cache.load(&experiment, &settings, &task, read_for, hub);
        let read = match read {
            Err(_) if wrong_already => None,
            other => Some(other?),
        };
        let planned = read.map(|loaded| {
            let facts = loaded.facts(&settings);
            (plan(settings, loaded.task.clone(), facts), loaded)
        });
        match planned {
            Some((Ok(trial), loaded)) if !wrong_already => Ok(Self { experiment, trial, loaded }),
            Some((Err(complaints), _)) => {
                experiment.add_problems(complaints);
                Err(Failure::Experiment(Problems(experiment.problems)))
            }
            _ => Err(Failure::Experiment(Problems(experiment.problems))),
        }
    }

    #[must_use]
    pub fn train(&self) -> &[Example] {
        &self.loaded.train[..self.trial.train_examples]
    }

    #[must_use]
    pub fn validation(&self) -> &[Example] {
        &self.loaded.validation[..self.trial.validation_examples]
    }

    /// Further validation splits by name, as long as `data.eval_limit` allows.
    pub fn further(&self) -> impl Iterator<Item = (&str, &[Example])> {
        let limit = self.trial.settings.data.eval_limit.map_or(usize::MAX, usize::from);
        self.loaded.further.iter().map(move |(split, examples)| (split.as_str(), &examples[..examples.len().min(limit)]))
    }

    /// Every setting with its value and origin.
    #[must_use]
    pub fn setting_rows(&self) -> Vec<SettingRow> {
        setting_rows(&self.experiment, &self.trial, &self.located())
    }

    fn located(&self) -> Located {
        let absolute = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let text = |path: PathBuf| Json::from(path.to_string_lossy().into_owned());
        let mut located = Located::new();
        if let CheckpointName::Folder(folder) = &self.loaded.checkpoint {
            located.insert(CHECKPOINT, text(absolute(folder)));
        }
        match &self.trial.settings.task {
            TaskSetting::Glue(_) if self.trial.settings.data.source != "hub" => {
                let data = self.loaded.source.train.paths.first().and_then(|path| path.parent());
                located.extend(data.map(|data| (DATA_SOURCE, text(absolute(data)))));
            }
            TaskSetting::Glue(_) => {}
            TaskSetting::Own(own) => {
                let files = [
                    ("task.train", Some(&own.train)),
                    ("task.validation", own.validation.as_ref()),
                    ("task.test", own.test.as_ref()),
                ];
                let files = files.into_iter().filter_map(|(path, files)| Some((path, files?)));
                located.extend(files.map(|(path, files)| (path, absolute_patterns(&self.experiment, path, files))));
            }
        }
        located
    }

    /// Class counts of the examples used; `None` if the task does not predict classes.
    #[must_use]
    pub fn labels(&self) -> Option<SplitLabels> {
        SplitLabels::of(&self.trial.task.head, self.train(), self.validation())
    }

    /// Statistics of the validation examples' numbers; `None` if the task does not predict a number.
    #[must_use]
    pub fn values(&self) -> Option<ValueStatistics> {
        matches!(self.trial.task.head, Head::Value).then(|| ValueStatistics::of_examples(self.validation())).flatten()
    }

    /// The trial's provenance and identity, given the hashes of its files.
    pub fn provenance(&self, hashes: Hashes) -> Outcome<Provenance> {
        let trial = &self.trial;
        let tokenization = self.loaded.tokenization(trial.train_examples, trial.validation_examples, trial.max_length)?;
        let numerics = numerics(trial.precision);
        Ok(Provenance::new(&self.setting_rows(), &trial.rungs, hashes, tokenization, numerics))
    }

    /// The initial parameters; all of them are randomly initialized if the weights were not requested.
    ///
    /// # Errors
    /// The weights are damaged or have other shapes.
    pub fn initial(&self) -> Outcome<Initial> {
        let files = &self.loaded.files.weights;
        let read = || Weights::read_all(files, &self.trial.architecture);
        let weights = (!files.is_empty()).then(read).transpose().map_err(Failure::checkpoint)?;
        let named = || format!("the checkpoint {}", self.loaded.checkpoint);
        initialize(&self.trial.parameters, weights, &self.loaded.classifier, self.trial.settings.seed)
            .with_context(named)
            .map_err(Failure::checkpoint)
    }
}

/// A setting as written, with its origin.
fn written(experiment: &Experiment, path: &str, value: &str) -> String {
    format!("{path} = \"{value}\" ({})", experiment.origin(path))
}
