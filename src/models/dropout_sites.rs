//! The dropout sites of a model. Masks depend only on (seed, micro-batch, site, token, element), however a batch is laid out.

use crate::architecture::DropoutProbabilities;
use crate::kernels::DropoutMask;
use crate::random::{Purpose, Stream};

/// Yields the dropout of one forward pass, site by site.
#[derive(Debug)]
pub struct DropoutSites {
    probabilities: Option<DropoutProbabilities>,
    seed: u64,
    micro_batch: u64,
    site: u16,
}

impl DropoutSites {
    /// Creates the sites for training on the `micro_batch`-th batch of a run.
    #[must_use]
    pub fn training(probabilities: DropoutProbabilities, seed: u64, micro_batch: u64) -> Self {
        Self { probabilities: Some(probabilities), seed, micro_batch, site: 0 }
    }

    /// No dropout, for evaluation.
    #[must_use]
    pub fn none() -> Self {
        Self { probabilities: None, seed: 0, micro_batch: 0, site: 0 }
    }

    /// Returns the next site's dropout of hidden states.
    pub fn hidden(&mut self) -> Option<DropoutMask> {
        self.next(|p| p.hidden)
    }

    /// Returns the next site's dropout of attention probabilities.
    pub fn attention(&mut self) -> Option<DropoutMask> {
        self.next(|p| p.attention)
    }

    /// Returns the dropout of the pooled output.
    pub fn classifier(&mut self) -> Option<DropoutMask> {
        self.next(|p| p.classifier)
    }

    fn next(&mut self, which: impl Fn(&DropoutProbabilities) -> f64) -> Option<DropoutMask> {
        let probability = self.probabilities.as_ref().map(which)?;
        let stream = Stream::new(self.seed, Purpose::Dropout, self.micro_batch, self.site);
        // Count the site even if it drops nothing, so that one probability does not change the masks of other sites.
        self.site += 1;
        (probability > 0.0).then(|| DropoutMask::new(stream, probability))
    }
}
