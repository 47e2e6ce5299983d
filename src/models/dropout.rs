//! Dropout whose masks are a function of (seed, micro-batch, layer, element).

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::random::{Purpose, Stream};
use crate::settings::Dropout;

/// Draws the masks of one forward pass, one after the other.
#[derive(Debug)]
pub struct Masks {
    probabilities: Option<Dropout>,
    seed: u64,
    micro_batch: u64,
    site: u16,
}

/// Numbers drawn by one thread at a time.
const CHUNK: usize = 1 << 14;

impl Masks {
    /// Masks for training on the `micro_batch`-th batch of a run.
    #[must_use]
    pub fn training(probabilities: Dropout, seed: u64, micro_batch: u64) -> Self {
        Self { probabilities: Some(probabilities), seed, micro_batch, site: 0 }
    }

    /// No dropout, for evaluation.
    #[must_use]
    pub fn none() -> Self {
        Self { probabilities: None, seed: 0, micro_batch: 0, site: 0 }
    }

    /// Drops hidden states.
    pub fn hidden<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        self.apply(x, |p| p.hidden)
    }

    /// Drops attention probabilities.
    pub fn attention<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        self.apply(x, |p| p.attention)
    }

    /// Drops elements of the pooled output.
    pub fn classifier<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        self.apply(x, |p| p.classifier)
    }

    fn apply<const D: usize>(&mut self, x: Tensor<D>, which: impl Fn(&Dropout) -> f64) -> Tensor<D> {
        let Some(probability) = self.probabilities.as_ref().map(which) else { return x };
        let stream = Stream::new(self.seed, Purpose::Dropout, self.micro_batch, self.site);
        // Counted even where nothing is dropped, so that one probability does not move another's masks.
        self.site += 1;
        if probability <= 0.0 {
            return x;
        }
        let mask = mask(stream, probability, x.dims(), &x.device());
        x * mask
    }
}

/// 0 with the given probability, else 1 / (1 - probability).
fn mask<const D: usize>(stream: Stream, probability: f64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let threshold = (probability * 4_294_967_296.0) as u64;
    let kept = (1.0 / (1.0 - probability)) as f32;
    let mut values = vec![0.0_f32; shape.iter().product()];
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
        for (block, four) in values.chunks_mut(4).enumerate() {
            let position = (chunk * (CHUNK / 4) + block) as u64;
            for (value, bits) in four.iter_mut().zip(stream.block(position)) {
                *value = if u64::from(bits) < threshold { 0.0 } else { kept };
            }
        }
    });
    Tensor::from_data(TensorData::new(values, shape), &device.clone().without_autodiff())
}
