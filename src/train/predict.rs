//! Predictions: forward passes without a trial, an optimizer, or autodiff.

use std::num::NonZeroUsize;
use std::ops::Range;

use super::batch::{Batch, BatchLayout};
use super::device::Device;
use super::error::TrainError;
use crate::architecture::{Architecture, Parameter};
use crate::checkpoint::HostTensor;
use crate::models::{Constants, DropoutSites, Model, ParameterError, Value, read};
use crate::settings::Precision;
use crate::task::metrics::Scores;
use crate::task::{Output, Prediction, Task};
use crate::tokens::Encoded;

/// Builds a model for the prediction of inputs of up to `longest` tokens, from one tensor per parameter, in checkpoint layout.
pub fn load_model(
    architecture: &Architecture,
    parameters: &[Parameter],
    tensors: &[HostTensor],
    longest: usize,
    precision: Precision,
    device: &Device,
) -> Result<Model, ParameterError> {
    let value = |(entry, tensor): (&Parameter, &HostTensor)| Value::from_host(tensor, entry.role, device.plain());
    let values: Vec<Value> = parameters.iter().zip(tensors).map(value).collect();
    let named = parameters.iter().map(|parameter| &*parameter.name).zip(&values).collect();
    Model::new(architecture, &Constants::new(architecture, longest, device.plain()), &named, precision)
}

/// Tokens that a batch of short examples is filled up to. With fewer, a product takes longer to read the weights than to multiply.
const TOKENS: usize = 2048;

/// Splits examples of ascending length into batches of `batch_size`, or of more, as long as they have at most `tokens` tokens when padded
/// to the longest. No batch has more tokens than `batch_size` of the longest examples.
fn batches(lengths: &[usize], batch_size: NonZeroUsize, tokens: usize) -> impl Iterator<Item = Range<usize>> {
    let tokens = tokens.min(batch_size.get().saturating_mul(lengths.last().copied().unwrap_or(0)));
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = &lengths[start..];
        let filled = rest.iter().zip(1..).take_while(|(length, count)| *length * count <= tokens).count();
        let batch = start..start + filled.max(batch_size.get()).min(rest.len());
        start = batch.end;
        (!batch.is_empty()).then_some(batch)
    })
}

/// The outputs for every example, in the order of `examples`; targets are not needed.
pub fn predict(
    model: &Model,
    examples: &[Encoded],
    batch_size: NonZeroUsize,
    layout: BatchLayout,
    device: &Device,
) -> Result<Vec<Output>, TrainError> {
    // Examples of similar length share a batch: padding changes logits only by rounding, but costs time.
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|index| examples[*index].tokens.len());
    let lengths: Vec<usize> = order.iter().map(|index| examples[*index].tokens.len()).collect();
    let mut outputs = vec![Output(Vec::new()); examples.len()];
    for batch in batches(&lengths, batch_size, TOKENS) {
        let indices = &order[batch];
        let chosen: Vec<&Encoded> = indices.iter().map(|index| &examples[*index]).collect();
        let logits = model.forward(&Batch::new(&chosen, layout, device).input, DropoutSites::none());
        let [_, width] = logits.dims();
        let logits = read(logits, "logits").map_err(TrainError::Device)?;
        for (index, logits) in indices.iter().zip(logits.chunks_exact(width)) {
            outputs[*index] = Output(logits.to_vec());
        }
    }
    Ok(outputs)
}

/// Pairs the outputs with the examples' targets, and scores them.
pub fn evaluate(outputs: Vec<Output>, examples: &[Encoded], task: &Task) -> Result<(Vec<Prediction>, Scores), TrainError> {
    let pair = |(index, (output, example)): (usize, (Output, &Encoded))| {
        let target = example.target.clone().ok_or(TrainError::MissingTarget(index))?;
        Ok(Prediction { target, output })
    };
    let predictions = outputs.into_iter().zip(examples).enumerate().map(pair).collect::<Result<Vec<_>, TrainError>>()?;
    let scores = Scores::of(task, &predictions);
    Ok((predictions, scores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_examples_share_larger_batches() {
        let split = |lengths: &[usize], batch_size: usize, tokens: usize| -> Vec<Range<usize>> {
            batches(lengths, NonZeroUsize::new(batch_size).unwrap(), tokens).collect()
        };
        assert_eq!(split(&[1, 1, 1, 1, 4, 8], 2, 8), [0..4, 4..6]);
        assert_eq!(split(&[2, 2, 2, 3, 3], 1, 6), [0..1, 1..2, 2..3, 3..4, 4..5], "no more tokens than the longest has");
        assert_eq!(split(&[2, 2, 2, 9, 9], 2, 6), [0..3, 3..5]);
        assert_eq!(split(&[5; 7], 3, 8), [0..3, 3..6, 6..7]);
        assert!(split(&[], 3, 8).is_empty());
    }
}
