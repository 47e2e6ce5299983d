//! Gradients accumulated on a GPU over a step's micro-batches. Their memory stays in place from step to step, so that
//! accumulating a micro-batch and updating can each be replayed.

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::gradient_sum::{Gradient, GradientSum};
use crate::kernels::{AddGradients, AddTokenGradients, Update, ZeroGradients};
use crate::models::Value;

/// The sums over the micro-batches so far, and the rounded weights that all of them read.
#[derive(Default)]
pub struct AccumulatedGradients {
    /// The rounded copies of the weights that matrix products read; empty if nothing is rounded.
    pub rounded: Vec<Option<Value>>,
    /// `None` before the first micro-batch.
    pub totals: Option<GradientTotals>,
}

/// Sums of the scaled gradients and losses of micro-batches: one entry per parameter (`None` if it takes no part), followed by
/// the loss. The sum for token embeddings covers the whole vocabulary.
pub struct GradientTotals(Vec<Option<DispatchTensor>>);

impl AccumulatedGradients {
    /// The tensors that are changed in place.
    pub fn dispatched(&self) -> impl Iterator<Item = DispatchTensor> {
        self.totals.iter().flat_map(|totals| totals.0.iter().flatten().cloned())
    }

    /// A copy in separate memory.
    pub fn copied(&self, parameters: &[Value]) -> Self {
        Self { rounded: self.rounded.clone(), totals: self.totals.as_ref().map(|totals| totals.copied(parameters)) }
    }
}

impl GradientTotals {
    pub fn zero(parameters: &[Value], loss: &Tensor<1>, gradients: &GradientSum) -> Self {
        let zeros = |(parameter, gradient): (&Value, &Option<Gradient>)| {
            gradient.as_ref().map(|_| parameter.clone().inner().zeros_like().into_dispatch())
        };
        let loss = Some(loss.zeros_like().into_dispatch());
        Self(parameters.iter().zip(&gradients.0).map(zeros).chain([loss]).collect())
    }

    pub fn plus(self, loss: Tensor<1>, gradients: GradientSum) -> Self {
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
                (Some(sum), Some(Gradient::Tokens(gradient, tokens))) => {
                    let added = AddTokenGradients { tokens }.apply(vec![sum, gradient.into_dispatch()]);
                    all[place] = added.into_iter().next();
                }
                (None, None) => {}
                _ => unreachable!("the same parameters take part in every batch"),
            }
        }
        // Moved, not cloned: a sum with another owner could not be updated in place.
        let added = AddGradients.apply(sums.into_iter().chain(parts).collect());
        for (place, sum) in places.into_iter().zip(added) {
            all[place] = Some(sum);
        }
        Self(all)
    }

    pub fn cleared(self) -> Self {
        let there: Vec<bool> = self.0.iter().map(Option::is_some).collect();
        let mut cleared = ZeroGradients.apply(self.0.into_iter().flatten().collect()).into_iter();
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

    /// Returns the loss and the gradients of these parameters.
    pub fn read(&self, parameters: &[Value]) -> Option<(Tensor<1>, GradientSum)> {
        let (loss, gradients) = self.0.split_last()?;
        let whole =
            |(parameter, sum): (&Value, &Option<DispatchTensor>)| sum.clone().map(|sum| Gradient::Whole(parameter.like(sum)));
        let gradients = parameters.iter().zip(gradients).map(whole).collect();
        Some((Tensor::from_dispatch(loss.clone()?), GradientSum(gradients)))
    }
}
