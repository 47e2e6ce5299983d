//! Predictions for every example of a split.

use anyhow::Result;

use super::batch::{Batch, Padding};
use super::device::Device;
use crate::models::{Bert, Masks, read};
use crate::plan::Trial;
use crate::task::metrics::Prediction;
use crate::tokens::Encoded;

/// Predictions in the order of `examples`.
///
/// # Errors
/// The device failed.
pub fn predict(model: &Bert, trial: &Trial, examples: &[Encoded], device: &Device) -> Result<Vec<Prediction>> {
    // Neighbours in length share a batch: padding changes no logit by more than rounding, but costs time.
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|index| examples[*index].tokens.len());
    let mut predictions: Vec<Option<Prediction>> = vec![None; examples.len()];
    let data = &trial.settings.data;
    for indices in order.chunks(data.eval_batch_size.get()) {
        let chosen: Vec<&Encoded> = indices.iter().map(|index| &examples[*index]).collect();
        let batch = Batch::new(&chosen, Padding::of(trial), device);
        let logits = model.forward(&batch.input, Masks::none());
        let [_, classes] = logits.dims();
        let logits = read(logits, "logits")?;
        for (index, logits) in indices.iter().zip(logits.chunks(classes)) {
            predictions[*index] = Some(Prediction::new(examples[*index].label, logits.to_vec()));
        }
    }
    Ok(predictions.into_iter().flatten().collect())
}
