//! Training errors.

use super::targets::TargetError;
use crate::models::ParameterError;

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss or the gradient is no longer finite.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// The device or Burn failed; the message is theirs.
    #[error("{0:#}")]
    Device(anyhow::Error),
    /// An observer failed, for example writing to disk.
    #[error("{0:#}")]
    Observer(anyhow::Error),
    /// The example at this index of the split has no target to be scored against.
    #[error("example {0} has no target to be scored by")]
    MissingTarget(usize),
    /// A training example's target does not fit the model's outputs.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The parameters do not match the model.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// The task has no metric of this name.
    #[error("the task has no metric {0}")]
    UnknownMetric(String),
}

/// The loss or the gradient norm is not finite.
#[derive(Debug, thiserror::Error)]
#[error("training diverged at step {step}: the {quantity} is {value} (learning rate {learning_rate:e}{})", batch(.examples))]
pub struct Diverged {
    pub step: u64,
    /// `loss`, `gradient norm` or `validation loss`.
    pub quantity: &'static str,
    pub value: f64,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// The examples of the batch, as indices into the training split.
    pub examples: Vec<usize>,
}

fn batch(examples: &[usize]) -> String {
    const SHOWN: usize = 32;
    match examples.len() {
        0 => String::new(),
        1..=SHOWN => format!(", batch of the training examples {examples:?}"),
        more => format!(", batch of {more} training examples that begins with {:?}", &examples[..SHOWN]),
    }
}
