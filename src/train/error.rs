//! How training fails.

use super::targets::TargetError;
use crate::models::ParameterError;

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The numbers are no longer finite.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// The device, or Burn, failed; the text is theirs.
    #[error("{0:#}")]
    Device(anyhow::Error),
    /// An observer could not do its part, such as writing to the disk.
    #[error("{0:#}")]
    Observer(anyhow::Error),
    /// An example that is to be scored has no target: its index in the split.
    #[error("example {0} has no target to be scored by")]
    MissingTarget(usize),
    /// The target of an example to learn from is none that the model's outputs can give.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The parameters are not those of the model.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// The task has no metric of this name.
    #[error("the task has no metric {0}")]
    UnknownMetric(String),
}

/// The loss or the gradient was no longer a finite number.
#[derive(Debug, thiserror::Error)]
#[error("training diverged at step {step}: the {quantity} is {value} (learning rate {learning_rate:e}{})", batch(.examples))]
pub struct Diverged {
    pub step: u64,
    /// `loss`, `gradient norm` or `validation loss`.
    pub quantity: &'static str,
    pub value: f64,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// The batch: indices into the training split.
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
