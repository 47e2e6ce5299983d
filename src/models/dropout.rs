//! Dropout whose masks are a function of (seed, micro-batch, site, token, element), however a batch is laid out.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::architecture::Dropout;
use crate::kernels::Drop;
use crate::random::{Purpose, Stream};

/// Hands out the dropout of one forward pass, site after site.
#[derive(Debug)]
pub struct Masks {
    probabilities: Option<Dropout>,
    seed: u64,
    micro_batch: u64,
    site: u16,
}

/// Where the tokens of a padded batch stand: example e's token t in row e · length + t.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Tokens of each example.
    pub lengths: Vec<usize>,
    /// Rows of each example.
    pub length: usize,
}

impl Layout {
    /// The number of each row's token without padding; none for padding.
    fn tokens(&self) -> Vec<Option<usize>> {
        let mut start = 0;
        let mut tokens = Vec::with_capacity(self.lengths.len() * self.length);
        for used in &self.lengths {
            tokens.extend((0..self.length).map(|position| (position < *used).then_some(start + position)));
            start += used;
        }
        tokens
    }
}

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

    /// The next site's dropout of hidden states.
    pub fn hidden_drop(&mut self) -> Option<Drop> {
        self.next(|p| p.hidden)
    }

    /// The next site's dropout of attention probabilities.
    pub fn attention_drop(&mut self) -> Option<Drop> {
        self.next(|p| p.attention)
    }

    /// The dropout of the pooled output.
    pub fn classifier_drop(&mut self) -> Option<Drop> {
        self.next(|p| p.classifier)
    }

    fn next(&mut self, which: impl Fn(&Dropout) -> f64) -> Option<Drop> {
        let probability = self.probabilities.as_ref().map(which)?;
        let stream = Stream::new(self.seed, Purpose::Dropout, self.micro_batch, self.site);
        // Counted even where nothing is dropped, so that one probability does not move another's masks.
        self.site += 1;
        (probability > 0.0).then(|| Drop::new(stream, probability))
    }

    /// Drops hidden states of a padded batch.
    pub fn hidden(&mut self, x: Tensor<2>, layout: &Layout) -> Tensor<2> {
        let Some(drop) = self.hidden_drop() else { return x };
        let tokens = layout.tokens();
        multiplied(x, |row, factors| {
            if let Some(token) = tokens[row] {
                drop.hidden_row(token, factors);
            }
        })
    }

    /// Drops attention probabilities `[examples, heads, queries, keys]` of a padded batch.
    pub fn attention(&mut self, x: Tensor<4>, layout: &Layout) -> Tensor<4> {
        let Some(drop) = self.attention_drop() else { return x };
        let (tokens, [_, heads, length, _]) = (layout.tokens(), x.dims());
        multiplied(x, |row, factors| {
            let (example, head, query) = (row / (heads * length), row / length % heads, row % length);
            if let Some(token) = tokens[example * length + query] {
                drop.attention_row(token, head, heads, factors);
            }
        })
    }

    /// Drops elements of the pooled output `[examples, d]`.
    pub fn classifier(&mut self, x: Tensor<2>) -> Tensor<2> {
        match self.classifier_drop() {
            Some(drop) => multiplied(x, |row, factors| drop.hidden_row(row, factors)),
            None => x,
        }
    }
}

/// Multiplies each row of the last dimension with factors, which are 1 where they are not filled.
fn multiplied<const D: usize>(x: Tensor<D>, fill: impl Fn(usize, &mut [f32]) + Sync) -> Tensor<D> {
    let shape = x.dims();
    let width = shape[D - 1];
    let mut values = vec![1.0_f32; shape.iter().product()];
    values.par_chunks_mut(width).enumerate().for_each(|(row, factors)| fill(row, factors));
    let device = x.device().without_autodiff();
    x * Tensor::from_data(TensorData::new(values, shape), &device)
}
