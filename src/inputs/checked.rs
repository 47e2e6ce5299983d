//! A trial whose inputs have been checked as far as possible without training.

use super::contract::contract;
use super::{TrialInputs, encode};
use crate::checkpoint::Initial;
use crate::failure::{Failure, Outcome};
use crate::tokens::{InputContract, TokenCache};

/// A trial that could be trained.
pub struct CheckedInputs {
    pub inputs: TrialInputs,
    /// The initial parameters; `None` if the weights were not requested.
    pub initial: Option<Initial>,
    /// What the model would be given.
    pub contract: InputContract,
}

impl CheckedInputs {
    /// Reads the weights, if they are there, and encodes both splits.
    ///
    /// # Errors
    /// The weights cannot be used, or the tokenizer does not match the model.
    pub fn of(inputs: TrialInputs, cache: &TokenCache) -> Outcome<Self> {
        let has_weights = !inputs.loaded.files.weights.is_empty();
        let initial = has_weights.then(|| inputs.initial()).transpose()?;
        let (train, validation) = encode(&inputs, cache)?;
        let contract = contract(&inputs, &train, &validation).map_err(Failure::Checkpoint)?;
        Ok(Self { inputs, initial, contract })
    }
}
