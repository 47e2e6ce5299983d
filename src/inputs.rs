//! Everything that a trial reads: found, read and counted, before anything is made of it.

use std::path::Path;

use anyhow::Context;

use crate::checkpoint::{CheckpointName, Config, Files, Initial, Weights, initialize, table};
use crate::experiment::{Experiment, Override, Surroundings};
use crate::failure::{Failure, Outcome};
use crate::hub::{Hub, expand_home, tidy};
use crate::plan::{Facts, Trial, plan};
use crate::settings::{Initialize, Settings};
use crate::tasks::{Example, Origin, Source};
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
    /// The checkpoint as it is named.
    pub checkpoint: CheckpointName,
    /// The checkpoint's files.
    pub files: Files,
    /// The data's files.
    pub source: Source,
    /// Training examples used.
    pub train: Vec<Example>,
    /// Validation examples used.
    pub validation: Vec<Example>,
}

impl Inputs {
    /// Reads an experiment and everything that it names, and plans it.
    ///
    /// # Errors
    /// Every problem of the experiment at once; or data or checkpoint that cannot be used.
    pub fn read(path: &Path, purpose: Purpose, overrides: &[Override], surroundings: &Surroundings, hub: &Hub) -> Outcome<Self> {
        let mut experiment = Experiment::load(path, overrides, surroundings);
        let Some(settings) = experiment.settings.clone() else {
            return Err(Failure::Experiment(experiment.sound().err().unwrap_or(crate::problem::Problems(Vec::new()))));
        };
        let wrong_already = !experiment.problems.is_empty();
        // Nothing is downloaded for an experiment that cannot run.
        let offline = Hub::offline();
        let read = Named::read(&experiment, &settings, purpose, if wrong_already { &offline } else { hub });
        let read = match read {
            Err(_) if wrong_already => None,
            other => Some(other?),
        };
        let planned = read.map(|named| (plan(settings, named.facts()), named));
        match planned {
            Some((Ok(trial), named)) if !wrong_already => Ok(named.inputs(experiment, trial)),
            Some((Err(complaints), _)) => {
                experiment.complain(complaints);
                Err(Failure::Experiment(crate::problem::Problems(experiment.problems)))
            }
            _ => Err(Failure::Experiment(crate::problem::Problems(experiment.problems))),
        }
    }
}

impl Inputs {
    /// The parameters that training starts from; where the weights were not asked for, all drawn.
    ///
    /// # Errors
    /// The weights are damaged, or are not those of this shape.
    pub fn initial(&self) -> Outcome<Initial> {
        let table = table(&self.trial.config, self.trial.settings.task.task().labels.len());
        let weights = self.files.weights.as_deref().map(Weights::read).transpose().map_err(Failure::checkpoint)?;
        let named = || format!("the checkpoint {}", self.checkpoint);
        initialize(&self.trial.config, &table, weights, self.trial.settings.seed).with_context(named).map_err(Failure::checkpoint)
    }
}

/// What an experiment names, read.
struct Named {
    checkpoint: CheckpointName,
    files: Files,
    config: Config,
    tokenizer_longest: Option<usize>,
    source: Source,
    train: Vec<Example>,
    validation: Vec<Example>,
}

impl Named {
    fn read(experiment: &Experiment, settings: &Settings, purpose: Purpose, hub: &Hub) -> Outcome<Self> {
        let said = |path: &str, value: &str| format!("{path} = \"{value}\" ({})", experiment.origin(path));
        let folder = experiment.folder("checkpoint");
        let checkpoint = CheckpointName::parse(&settings.checkpoint, &folder);
        let costs_nothing = matches!(checkpoint, CheckpointName::Folder(_));
        let with_weights = settings.model.initialize == Initialize::Pretrained && (purpose == Purpose::Training || costs_nothing);
        let named = || said("checkpoint", &settings.checkpoint);
        let files = Files::find(&checkpoint, with_weights, hub).with_context(named).map_err(Failure::checkpoint)?;
        let config = Config::read(&files.config).with_context(named).map_err(Failure::checkpoint)?;
        let tokens = Tokens::read(&files).with_context(named).map_err(Failure::checkpoint)?;
        let task = settings.task.task();
        let origin = match settings.data.source.as_str() {
            "hub" => Origin::Hub,
            folder => Origin::Folder(tidy(&experiment.folder("data.source").join(expand_home(folder)))),
        };
        let named = || said("data.source", &settings.data.source);
        let source = Source::find(&origin, task, hub).with_context(named).map_err(Failure::data)?;
        let train = source.train.read(task).map_err(Failure::data)?;
        let validation = source.validation.read(task).map_err(Failure::data)?;
        Ok(Self { checkpoint, files, config, tokenizer_longest: tokens.longest(), source, train, validation })
    }

    fn facts(&self) -> Facts {
        Facts {
            config: self.config.clone(),
            tokenizer_longest: self.tokenizer_longest,
            train_examples: self.train.len(),
            validation_examples: self.validation.len(),
        }
    }

    fn inputs(self, experiment: Experiment, trial: Trial) -> Inputs {
        let (mut train, mut validation) = (self.train, self.validation);
        train.truncate(trial.train_examples);
        validation.truncate(trial.validation_examples);
        Inputs { experiment, trial, checkpoint: self.checkpoint, files: self.files, source: self.source, train, validation }
    }
}
