//! Gradients that a GPU adds up over a step's batches: their memory stays where it is from one step to the next, so that a
//! batch and an update can be replayed each.

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::gradient_sum::{Gradient, GradientSum};
use crate::kernels::{AddGradients, AddTokenGradients, Update, ZeroGradients};
use crate::models::Value;

/// The sums over the batches so far, and the weights that all of them read.
#[derive(Default)]
pub struct AccumulatedGradients {
    /// The weights that products round, rounded; empty where none are.
    pub rounded: Vec<Option<Value>>,
    /// None before the first batch.
    pub totals: Option<GradientTotals>,
}

/// Gradients and loss of batches, each times its share: one for each parameter, none where it takes no part, and the loss
/// behind them. That of token embeddings is of all tokens.
pub struct GradientTotals(Vec<Option<DispatchTensor>>);

impl AccumulatedGradients {
    /// Everything that is changed in place.
    pub fn dispatched(&self) -> impl Iterator<Item = DispatchTensor> {
        self.totals.iter().flat_map(|totals| totals.0.iter().flatten().cloned())
    }

    /// The same numbers elsewhere.
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
        // Moved, not cloned: sums that somebody else holds would not stay in their place.
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

    /// The loss, and the gradients of these parameters.
    pub fn read(&self, parameters: &[Value]) -> Option<(Tensor<1>, GradientSum)> {
        let (loss, gradients) = self.0.split_last()?;
        let whole =
            |(parameter, sum): (&Value, &Option<DispatchTensor>)| sum.clone().map(|sum| Gradient::Whole(parameter.like(sum)));
        let gradients = parameters.iter().zip(gradients).map(whole).collect();
        Some((Tensor::from_dispatch(loss.clone()?), GradientSum(gradients)))
    }
}
