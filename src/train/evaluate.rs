//! What a model says of every example of a split.

use anyhow::Result;

use super::batch::{Batch, Padding};
use super::device::Device;
use crate::models::{Bert, Masks, read};
use crate::plan::Trial;
use crate::task::Output;
use crate::tokens::Encoded;

/// The outputs for each example, in the order of `examples`.
///
/// # Errors
/// The device failed.
pub fn predict(model: &Bert, trial: &Trial, examples: &[Encoded], device: &Device) -> Result<Vec<Output>> {
    // Neighbours in length share a batch: padding changes no logit by more than rounding, but costs time.
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|index| examples[*index].tokens.len());
    let mut found: Vec<Option<Output>> = vec![None; examples.len()];
    let data = &trial.settings.data;
    for indices in order.chunks(data.eval_batch_size.get()) {
        let chosen: Vec<&Encoded> = indices.iter().map(|index| &examples[*index]).collect();
        let batch = Batch::new(&chosen, Padding::of(trial), device);
        let logits = model.forward(&batch.input, Masks::none());
        let [_, outputs] = logits.dims();
        let logits = read(logits, "logits")?;
        for (index, logits) in indices.iter().zip(logits.chunks(outputs)) {
            found[*index] = Some(Output(logits.to_vec()));
        }
    }
    Ok(found.into_iter().flatten().collect())
}
