//! The live objects built from a trial: encoded splits, initial parameters, and the hashes of what they were made of.

use sha2::{Digest, Sha256};

use crate::checkpoint::{Initial, Parameter, table};
use crate::digest::hex;
use crate::failure::{Failure, Outcome};
use crate::inputs::Inputs;
use crate::runs::{Hashes, identity, setting_rows};
use crate::tasks::Example;
use crate::tokens::{Encoded, TokenCache, Tokens};

/// What is made before a run directory exists, so that a run which cannot start leaves none.
pub struct Pipeline<'a> {
    /// What it is made of.
    pub inputs: &'a Inputs,
    /// The model's parameters.
    pub table: Vec<Parameter>,
    /// What training starts from.
    pub initial: Initial,
    /// The training split.
    pub train: Vec<Encoded>,
    /// The validation split.
    pub validation: Vec<Encoded>,
    /// SHA-256 of everything read.
    pub hashes: Hashes,
    /// Hash of what decides the outcome.
    pub identity: String,
}

impl<'a> Pipeline<'a> {
    /// Encodes, or takes what has been encoded before, and reads or draws the parameters.
    ///
    /// # Errors
    /// Tokenizer or weights cannot be used.
    pub fn make(inputs: &'a Inputs, cache: &TokenCache) -> Outcome<Self> {
        let (train, validation) = encode(inputs, cache)?;
        let table = table(&inputs.trial.config, inputs.trial.settings.task.task().labels.len());
        let initial = inputs.initial()?;
        let hashes = Hashes { weights: initial.sha256.clone(), ..inputs.named.hashes_without_weights().clone() };
        let identity = identity(&setting_rows(inputs), &hashes, &inputs.trial.rungs);
        Ok(Self { inputs, table, initial, train, validation, hashes, identity })
    }

    /// Number of parameters.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.table.iter().map(Parameter::elements).sum()
    }
}

/// Both splits as ids.
///
/// # Errors
/// The tokenizer cannot be used.
pub fn encode(inputs: &Inputs, cache: &TokenCache) -> Outcome<(Vec<Encoded>, Vec<Encoded>)> {
    let hashes = inputs.named.hashes_without_weights();
    let split = |name: &str, examples: &[Example]| {
        let trial = &inputs.trial;
        cache.get(&key(inputs, hashes, name, examples.len()), || {
            Tokens::read(&inputs.named.files)?.encode(examples, trial.max_length, &trial.config)
        })
    };
    let train = split("train", inputs.train()).map_err(Failure::Checkpoint)?;
    let validation = split("validation", inputs.validation()).map_err(Failure::Checkpoint)?;
    Ok((train, validation))
}

/// Everything that decides a split's ids, as a name for a file.
fn key(inputs: &Inputs, hashes: &Hashes, split: &str, examples: usize) -> String {
    let trial = &inputs.trial;
    let (task, version) = (trial.settings.task.task().name, env!("CARGO_PKG_VERSION"));
    let content = format!(
        "{version} {task} {:?} {:?} {:?} {} {examples}",
        hashes.data.get(split),
        hashes.tokenizer,
        hashes.config,
        trial.max_length
    );
    let digest = Sha256::digest(content);
    hex(&digest[..12])
}
