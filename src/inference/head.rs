//! What the outputs of a checkpoint mean.

use anyhow::{Result, bail};

use crate::architecture::Architecture;
use crate::checkpoint::Weights;
use crate::task::Head;

/// Reads the head of a checkpoint that gluepot did not train: the kind from `problem_type`, the labels from `id2label`, the number
/// of outputs from the weights.
///
/// # Errors
/// The checkpoint has no classifier, or one that `config.json` contradicts.
pub fn head_of(architecture: &Architecture, weights: &Weights<'_>) -> Result<Head> {
    let weight = architecture.output_weight();
    let Some(outputs) = weights.shape(&weight).and_then(|shape| shape.first().copied()) else {
        bail!("it has no {weight}: fine-tune it first, or name a fine-tuned checkpoint");
    };
    let mut labels = architecture.labels();
    if labels.is_empty() {
        // As transformers names them.
        labels = (0..outputs).map(|id| format!("LABEL_{id}")).collect();
    }
    if labels.len() != outputs {
        bail!("its classifier has {outputs} outputs, and config.json names {} labels", labels.len());
    }
    Ok(match architecture.problem_type() {
        Some("regression") if outputs == 1 => Head::Value,
        Some("multi_label_classification") => Head::Labels(labels),
        Some("single_label_classification") | None if outputs > 1 => Head::Classes(labels),
        None => Head::Value,
        Some(other) => bail!("its problem_type \"{other}\" with {outputs} outputs is not supported"),
    })
}
