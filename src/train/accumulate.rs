//! A GPU step over several micro-batches, in separate parts: round the weights, accumulate each micro-batch, apply the update.

use anyhow::{Result, anyhow};
use burn::tensor::Tensor;

use super::batch::Batch;
use super::gradient_totals::GradientTotals;
use super::learner::Learner;
use super::step::Numbers;

impl Learner<'_> {
    /// Rounds the weights for the micro-batches that follow.
    pub fn round(&mut self) {
        // The new copies take the memory of the old ones, also while a GPU records, when no more may be reserved.
        self.accumulated.rounded.clear();
        self.accumulated.rounded = self.rounded();
    }

    /// Adds the loss and the gradients of a micro-batch, scaled by its share of the step, to the totals.
    pub fn accumulate(&mut self, batch: &Batch, share: f64) -> Result<()> {
        let leaves = self.leaves_with(&self.accumulated.rounded);
        let (loss, gradients) = self.differentiate(batch, &leaves, share)?;
        let totals = self.accumulated.totals.take().unwrap_or_else(|| GradientTotals::zero(&self.parameters, &loss, &gradients));
        self.accumulated.totals = Some(totals.plus(loss, gradients));
        Ok(())
    }

    /// Updates the parameters from the totals and clears them. Returns the loss and the gradient norm, `[2]`.
    pub fn apply(&mut self, rules: &Numbers) -> Result<Tensor<1>> {
        let totals = self.accumulated.totals.take().ok_or_else(|| anyhow!("a step without examples"))?;
        let (loss, gradients) = totals.read(&self.parameters).ok_or_else(|| anyhow!("a step without a loss"))?;
        let numbers = self.update(loss, gradients, rules)?;
        self.accumulated.totals = Some(totals.cleared());
        Ok(numbers)
    }
}
