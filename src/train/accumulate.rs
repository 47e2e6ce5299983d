//! A step over several batches on a GPU: rounded weights, each batch, and the update, one by one.

use anyhow::{Result, anyhow};
use burn::tensor::Tensor;

use super::batch::Batch;
use super::gradient_totals::GradientTotals;
use super::learner::Learner;
use super::step::Numbers;

impl Learner<'_> {
    /// Rounds the weights for the batches that follow.
    pub fn round(&mut self) {
        self.accumulated.rounded = self.rounded();
    }

    /// Adds the loss of a batch and its gradients, times its share of the step, to the totals.
    pub fn accumulate(&mut self, batch: &Batch, share: f64) -> Result<()> {
        let leaves = self.leaves_with(&self.accumulated.rounded);
        let (loss, gradients) = self.differentiate(batch, &leaves, share)?;
        let totals = self.accumulated.totals.take().unwrap_or_else(|| GradientTotals::zero(&self.parameters, &loss, &gradients));
        self.accumulated.totals = Some(totals.plus(loss, gradients));
        Ok(())
    }

    /// Changes the parameters by the totals, and clears these: the loss, and the gradient's norm.
    pub fn apply(&mut self, rules: &Numbers) -> Result<Tensor<1>> {
        let totals = self.accumulated.totals.take().ok_or_else(|| anyhow!("a step without examples"))?;
        let (loss, gradients) = totals.read(&self.parameters).ok_or_else(|| anyhow!("a step without a loss"))?;
        let numbers = self.update(loss, gradients, rules)?;
        self.accumulated.totals = Some(totals.cleared());
        Ok(numbers)
    }
}
