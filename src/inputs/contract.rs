//! What a trial gives its model.

use std::collections::BTreeMap;

use anyhow::Result;

use super::TrialInputs;
use crate::task::{Example, VALIDATION};
use crate::tokens::{Encoded, InputContract, SplitInputs};

/// The input contract of encoded training and validation splits.
///
/// # Errors
/// The tokenizer rejects a text.
pub(super) fn contract(inputs: &TrialInputs, train: &[Encoded], validation: &[Encoded]) -> Result<InputContract> {
    let splits = BTreeMap::from([
        ("train".into(), split_inputs(inputs, inputs.train(), train)?),
        (VALIDATION.into(), split_inputs(inputs, inputs.validation(), validation)?),
    ]);
    let tokens = &inputs.loaded.tokens;
    let probe = tokens.probe()?;
    let remark = tokens.remark().map(String::from);
    Ok(InputContract { remark, disagreements: tokens.disagreements(&inputs.loaded.files, &probe), probe, splits })
}

pub(super) fn split_inputs(inputs: &TrialInputs, examples: &[Example], rows: &[Encoded]) -> Result<SplitInputs> {
    inputs.loaded.tokens.split_inputs(examples, rows, inputs.trial.max_length)
}
