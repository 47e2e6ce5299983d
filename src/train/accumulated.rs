//! What a GPU holds of a step's batches while it learns from several: its memory stays where it is from one step to the
//! next, so that a batch and an update can be replays each.

use anyhow::{Result, anyhow};
use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::Tensor;

use super::batch::Batch;
use super::gradient_sum::{Gradient, GradientSum};
use super::learner::Learner;
use super::step::Numbers;
use crate::kernels::{Several, Sums};
use crate::models::Value;

/// The sums over the batches so far, and the weights that all of them read.
#[derive(Default)]
pub struct Accumulated {
    /// The weights that products round, rounded; empty where none are.
    rounded: Vec<Option<Value>>,
    /// None before the first batch.
    sums: Option<Totals>,
}

/// Gradients and loss of batches, each times its share: one for each parameter, none where it takes no part, and the loss
/// behind them. That of a vocabulary is of all of its words.
struct Totals(Vec<Option<DispatchTensor>>);

impl Accumulated {
    /// Everything that is changed in place.
    pub fn dispatched(&self) -> impl Iterator<Item = DispatchTensor> {
        self.sums.iter().flat_map(|sums| sums.0.iter().flatten().cloned())
    }

    /// The same numbers elsewhere.
    pub fn copied(&self, parameters: &[Value]) -> Self {
        Self { rounded: self.rounded.clone(), sums: self.sums.as_ref().map(|sums| sums.copied(parameters)) }
    }
}

impl Totals {
    fn zero(parameters: &[Value], loss: &Tensor<1>, gradients: &GradientSum) -> Self {
        let zeros = |(parameter, gradient): (&Value, &Option<Gradient>)| {
            gradient.as_ref().map(|_| parameter.clone().inner().zeros_like().into_dispatch())
        };
        let loss = Some(loss.zeros_like().into_dispatch());
        Self(parameters.iter().zip(&gradients.0).map(zeros).chain([loss]).collect())
    }

    fn plus(self, loss: Tensor<1>, gradients: GradientSum) -> Self {
        let mut all: Vec<Option<DispatchTensor>> = self.0.iter().map(|_| None).collect();
        let (mut places, mut sums, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        let gradients = gradients.0.into_iter().chain([Some(Gradient::Whole(Value::Vector(loss)))]);
        for (place, both) in self.0.into_iter().zip(gradients).enumerate() {
            match both {
                (Some(sum), Some(Gradient::Whole(gradient))) => {
                    places.push(place);
                    sums.push(sum);
                    parts.push(gradient.into_dispatch());
                }
                (Some(sum), Some(Gradient::Words(gradient, words))) => {
                    all[place] = Some(Dispatch::accumulate_words(sum, gradient.into_dispatch(), words));
                }
                (None, None) => {}
                _ => unreachable!("the same parameters take part in every batch"),
            }
        }
        let added = Dispatch::accumulate(Several(sums), Several(parts));
        for (place, sum) in places.into_iter().zip(added.0) {
            all[place] = Some(sum);
        }
        Self(all)
    }

    fn cleared(self) -> Self {
        let there: Vec<bool> = self.0.iter().map(Option::is_some).collect();
        let mut cleared = Dispatch::clear(Several(self.0.into_iter().flatten().collect())).0.into_iter();
        Self(there.into_iter().map(|there| if there { cleared.next() } else { None }).collect())
    }

    fn copied(&self, parameters: &[Value]) -> Self {
        let copied = |(place, sum): (usize, &Option<DispatchTensor>)| {
            let sum = sum.clone()?;
            let sum = parameters
                .get(place)
                .map_or_else(|| Value::Vector(Tensor::from_dispatch(sum.clone())), |parameter| parameter.like(sum.clone()));
            Some(sum.copied().into_dispatch())
        };
        Self(self.0.iter().enumerate().map(copied).collect())
    }

    /// The loss, and the gradients of these parameters.
    fn told(&self, parameters: &[Value]) -> Option<(Tensor<1>, GradientSum)> {
        let (loss, gradients) = self.0.split_last()?;
        let whole =
            |(parameter, sum): (&Value, &Option<DispatchTensor>)| sum.clone().map(|sum| Gradient::Whole(parameter.like(sum)));
        let gradients = parameters.iter().zip(gradients).map(whole).collect();
        Some((Tensor::from_dispatch(loss.clone()?), GradientSum(gradients)))
    }
}

impl Learner<'_> {
    /// Rounds the weights for the batches that follow.
    pub fn round(&mut self) {
        self.accumulated.rounded = self.rounded();
    }

    /// Adds the loss of a batch and its gradients, times its share of the step.
    pub fn accumulate(&mut self, batch: &Batch, share: f64) {
        let leaves = self.leaves_with(&self.accumulated.rounded);
        let (loss, gradients) = self.differentiate(batch, &leaves, share);
        let sums = self.accumulated.sums.take().unwrap_or_else(|| Totals::zero(&self.parameters, &loss, &gradients));
        self.accumulated.sums = Some(sums.plus(loss, gradients));
    }

    /// Changes the parameters by the sums, which are zero behind that: the loss, and the gradient's norm.
    pub fn apply(&mut self, numbers: &Numbers) -> Result<Tensor<1>> {
        let sums = self.accumulated.sums.take().ok_or_else(|| anyhow!("a step without examples"))?;
        let (loss, gradients) = sums.told(&self.parameters).ok_or_else(|| anyhow!("a step without a loss"))?;
        let told = self.update(loss, gradients, numbers)?;
        self.accumulated.sums = Some(sums.cleared());
        Ok(told)
    }
}
