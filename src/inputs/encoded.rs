//! The inputs to training: encoded splits and initial parameters, with their provenance.

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::checkpoint::Initial;
use crate::failure::{Failure, Outcome};
use crate::inputs::TrialInputs;
use crate::inputs::contract::{contract, split_inputs};
use crate::machine::digest::hex;
use crate::plan::{Hashes, Provenance};
use crate::task::{Example, Target, Text};
use crate::tokens::{Encoded, InputContract, TOKENIZATION, TokenCache};
use crate::train::ValidationSplits;

/// Everything prepared before the run directory is created, so that a run that cannot start leaves none behind.
pub struct EncodedInputs<'a> {
    /// The trial and the files it was made from.
    pub inputs: &'a TrialInputs,
    /// The initial parameters.
    pub initial: Initial,
    /// The training split.
    pub train: Vec<Encoded>,
    /// The validation split.
    pub validation: Vec<Encoded>,
    /// Further validation splits by name.
    pub further: Vec<(&'a str, Vec<Encoded>)>,
    /// The hashes of everything that was read, and the identity.
    pub provenance: Provenance,
}

impl<'a> EncodedInputs<'a> {
    /// Encodes both splits or loads them from the cache, and reads or initializes the parameters.
    pub fn new(inputs: &'a TrialInputs, cache: &TokenCache) -> Outcome<Self> {
        let (train, validation) = encode(inputs, cache)?;
        let split = |(name, examples)| Ok((name, encode_split(inputs, examples, cache).map_err(Failure::Checkpoint)?));
        let further = inputs.further().map(split).collect::<Outcome<_>>()?;
        let initial = inputs.initial()?;
        let hashes = Hashes { weights: initial.sha256.clone(), ..inputs.loaded.hashes_without_weights().clone() };
        Ok(Self { inputs, initial, train, validation, further, provenance: inputs.provenance(hashes)? })
    }

    /// The splits that are scored during training.
    #[must_use]
    pub fn validation_splits(&self) -> ValidationSplits<'_> {
        let further = self.further.iter().map(|(split, examples)| (*split, examples.as_slice())).collect();
        ValidationSplits { main: &self.validation, further }
    }

    /// What the model is given: recorded, but never part of the identity.
    pub fn contract(&self) -> Result<InputContract> {
        let mut contract = contract(self.inputs, &self.train, &self.validation)?;
        for ((split, rows), (_, examples)) in self.further.iter().zip(self.inputs.further()) {
            contract.splits.insert((*split).into(), split_inputs(self.inputs, examples, rows)?);
        }
        Ok(contract)
    }

    /// Computes the identity with another numerics version, as for a trial that another version of gluepot planned.
    #[must_use]
    pub fn under(self, numerics: u32) -> Self {
        let Provenance { hashes, tokenization, .. } = self.provenance;
        let (rows, rungs) = (self.inputs.setting_rows(), &self.inputs.trial.rungs);
        Self { provenance: Provenance::new(&rows, rungs, hashes, tokenization, numerics), ..self }
    }
}

/// Returns the training and validation splits as token ids.
pub fn encode(inputs: &TrialInputs, cache: &TokenCache) -> Outcome<(Vec<Encoded>, Vec<Encoded>)> {
    let split = |examples: &[Example]| encode_split(inputs, examples, cache).map_err(Failure::Checkpoint);
    Ok((split(inputs.train())?, split(inputs.validation())?))
}

fn encode_split(inputs: &TrialInputs, examples: &[Example], cache: &TokenCache) -> Result<Vec<Encoded>> {
    let (tokens, max_length) = (&inputs.loaded.tokens, inputs.trial.max_length);
    let fits = |encoded: &[Encoded]| tokens.may_have_made(encoded, examples, max_length);
    let encode = || tokens.encode(examples, max_length);
    cache.get(&key(examples, inputs.loaded.hashes_without_weights(), max_length), fits, encode)
}

/// The cache key of a split: a hash of everything that affects its token ids.
fn key(examples: &[Example], hashes: &Hashes, max_length: usize) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{TOKENIZATION} {max_length} {:?} {:?}", hashes.tokenizer, hashes.config));
    // The texts themselves, not the file's hash: how a file is parsed also matters.
    for example in examples {
        let (first, second) = match &example.text {
            Text::Single(text) => (text, None),
            Text::Pair(first, second) => (first, Some(second)),
        };
        hasher.update(format!(" {} {} {:?} ", target_key(example.target.as_ref()), first.len(), second.map(String::len)));
        hasher.update(first);
        hasher.update(second.map_or("", String::as_str));
    }
    hex(&hasher.finalize()[..12])
}

/// The target's part of the cache key. A class is just its number, so that existing keys stay valid.
fn target_key(target: Option<&Target>) -> String {
    match target {
        None => "-".into(),
        Some(Target::Class(class)) => class.to_string(),
        Some(Target::Labels(labels)) => labels.iter().map(|label| if *label { '+' } else { '-' }).chain(['l']).collect(),
        Some(Target::Value(value)) => format!("{:08x}v", value.to_bits()),
    }
}
