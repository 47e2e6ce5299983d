//! Predictions: forward passes without a trial, an optimizer, or autodiff.

use std::num::NonZeroUsize;

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
    let mut outputs = vec![Output(Vec::new()); examples.len()];
    for indices in order.chunks(batch_size.get()) {
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
