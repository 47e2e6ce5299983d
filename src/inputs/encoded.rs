//! What training reads: encoded splits and initial parameters, and what both were made of.

use sha2::{Digest, Sha256};

use crate::checkpoint::Initial;
use crate::failure::{Failure, Outcome};
use crate::inputs::TrialInputs;
use crate::machine::digest::hex;
use crate::plan::{Hashes, Provenance};
use crate::task::{Example, Target, Text};
use crate::tokens::{Encoded, TOKENIZATION, TokenCache};

/// What is made before a run directory exists, so that a run which cannot start leaves none.
pub struct EncodedInputs<'a> {
    /// What it is made of.
    pub inputs: &'a TrialInputs,
    /// What training starts from.
    pub initial: Initial,
    /// The training split.
    pub train: Vec<Encoded>,
    /// The validation split.
    pub validation: Vec<Encoded>,
    /// What all of it was made of.
    pub provenance: Provenance,
}

impl<'a> EncodedInputs<'a> {
    /// Encodes, or takes what has been encoded before, and reads or draws the parameters.
    pub fn new(inputs: &'a TrialInputs, cache: &TokenCache) -> Outcome<Self> {
        let (train, validation) = encode(inputs, cache)?;
        let initial = inputs.initial()?;
        let hashes = Hashes { weights: initial.sha256.clone(), ..inputs.loaded.hashes_without_weights().clone() };
        Ok(Self { inputs, initial, train, validation, provenance: inputs.provenance(hashes)? })
    }

    /// With the identity that it has under these numerics, as for a trial that another version has planned.
    #[must_use]
    pub fn under(self, numerics: u32) -> Self {
        let Provenance { hashes, tokenization, .. } = self.provenance;
        let (rows, rungs) = (self.inputs.setting_rows(), &self.inputs.trial.rungs);
        Self { provenance: Provenance::new(&rows, rungs, hashes, tokenization, numerics), ..self }
    }
}

/// Both splits as ids.
pub fn encode(inputs: &TrialInputs, cache: &TokenCache) -> Outcome<(Vec<Encoded>, Vec<Encoded>)> {
    let hashes = inputs.loaded.hashes_without_weights();
    let trial = &inputs.trial;
    let split = |examples: &[Example]| {
        let tokens = &inputs.loaded.tokens;
        let fits = |encoded: &[Encoded]| tokens.may_have_made(encoded, examples, trial.max_length);
        let encode = || tokens.encode(examples, trial.max_length);
        cache.get(&key(examples, hashes, trial.max_length), fits, encode)
    };
    let train = split(inputs.train()).map_err(Failure::Checkpoint)?;
    let validation = split(inputs.validation()).map_err(Failure::Checkpoint)?;
    Ok((train, validation))
}

/// Everything that decides a split's ids, as a name for a file.
fn key(examples: &[Example], hashes: &Hashes, max_length: usize) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{TOKENIZATION} {max_length} {:?} {:?}", hashes.tokenizer, hashes.config));
    // The texts themselves: what a file says is also for its reader to decide.
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

/// What an example says should be predicted, as part of a key: of a class its number alone, as keys have always had it.
fn target_key(target: Option<&Target>) -> String {
    match target {
        None => "-".into(),
        Some(Target::Class(class)) => class.to_string(),
        Some(Target::Labels(labels)) => labels.iter().map(|label| if *label { '+' } else { '-' }).chain(['l']).collect(),
        Some(Target::Value(value)) => format!("{:08x}v", value.to_bits()),
    }
}
