//! AdamW and gradient clipping, with the same order of operations as torch.

use std::sync::Arc;

use anyhow::Result;
#[cfg(feature = "gpu")]
use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::device::{Device, Kernels};
use super::gradient_sum::{Gradient, GradientSum};
use super::state::TrainingState;
use super::step::{Numbers, ParameterUpdate};
use crate::architecture::Parameter;
use crate::checkpoint::HostTensor;
use crate::kernels::TouchedRows;
use crate::models::Value;
use crate::settings::Optimizer;

/// The factor that scales gradients of this norm, `[1]`, to a norm of at most `largest`. As torch's `clip_grad_norm_` does, it
/// multiplies by a reciprocal instead of dividing.
#[must_use]
pub fn clip_factor(norm: &Tensor<1>, largest: Option<f64>) -> Tensor<1> {
    match largest {
        Some(largest) => ((norm.clone() + 1e-6).recip() * largest).clamp_max(1.0),
        None => norm.ones_like(),
    }
}

/// AdamW (Loshchilov and Hutter 2019, algorithm 2), with the order of operations of `torch.optim.AdamW`.
pub struct AdamW {
    settings: Optimizer,
    /// Weight decay of each parameter.
    decay: Arc<Vec<f64>>,
    moments: Vec<ParameterMoments>,
    kernels: Kernels,
    steps: u64,
}

/// A parameter's first and second moments, on the parameter's device.
#[derive(Default)]
struct ParameterMoments {
    /// `None` before the first step.
    moments: Option<(Value, Value)>,
    /// The touched rows of a token embedding table, for the fused update.
    touched: TouchedRows,
}

impl AdamW {
    /// An optimizer before its first step, for parameters with these names.
    #[must_use]
    pub fn new(settings: &Optimizer, names: impl Iterator<Item = String>, kernels: Kernels) -> Self {
        let decay: Vec<f64> = names.map(|name| settings.decay_of(&name)).collect();
        let moments = decay.iter().map(|_| ParameterMoments::default()).collect();
        Self { settings: settings.clone(), moments, decay: Arc::new(decay), kernels, steps: 0 }
    }

    /// The first and second moments, in checkpoint layout; zeros before the first step.
    pub fn moments(&self, table: &[Parameter]) -> Result<(Vec<HostTensor>, Vec<HostTensor>)> {
        let pairs = self.moments.iter().zip(table).map(|(state, entry)| state.to_host(entry));
        Ok(pairs.collect::<Result<Vec<_>>>()?.into_iter().unzip())
    }

    /// Restores a saved optimizer state.
    pub fn restore(&mut self, table: &[Parameter], state: TrainingState, device: &Device) {
        self.steps = state.counters.steps;
        let moments = state.first_moments.into_iter().zip(state.second_moments);
        for ((own, entry), (first, second)) in self.moments.iter_mut().zip(table).zip(moments) {
            let value = |tensor| Value::from_host(tensor, entry.role, device.plain());
            *own = ParameterMoments { moments: Some((value(&first), value(&second))), touched: TouchedRows::default() };
        }
    }

    /// The hyperparameters of the next step.
    #[must_use]
    pub fn next(&mut self, learning_rate: f64) -> Numbers {
        self.steps += 1;
        Numbers::new(&self.settings, Arc::clone(&self.decay), learning_rate, self.steps)
    }

    /// Copies of both moments of each parameter; `None` where there are none yet.
    #[cfg(feature = "gpu")]
    pub fn copied(&self) -> Vec<Option<(Value, Value)>> {
        let of = |(first, second): &(Value, Value)| (first.clone().copied(), second.clone().copied());
        self.moments.iter().map(|state| state.moments.as_ref().map(of)).collect()
    }

    /// Replaces the moments.
    #[cfg(feature = "gpu")]
    pub fn put(&mut self, moments: Vec<Option<(Value, Value)>>) {
        for (state, moments) in self.moments.iter_mut().zip(moments) {
            state.moments = moments;
        }
    }

    /// Both moments of each parameter that has some.
    #[cfg(feature = "gpu")]
    pub fn dispatched(&self) -> impl Iterator<Item = DispatchTensor> {
        let pairs = self.moments.iter().filter_map(|state| state.moments.as_ref());
        pairs.flat_map(|(first, second)| [first.clone().into_dispatch(), second.clone().into_dispatch()])
    }

    /// Updates every parameter that has a gradient, after scaling the gradients by `clip`, `[1]`.
    #[must_use]
    pub fn step(&mut self, parameters: Vec<Value>, gradients: GradientSum, numbers: &Numbers, clip: Tensor<1>) -> Vec<Value> {
        let mut updated: Vec<Option<Value>> = parameters.iter().map(|_| None).collect();
        let (mut places, mut parts) = (Vec::new(), Vec::new());
        let each = parameters.into_iter().zip(gradients.0).zip(&mut self.moments);
        for (place, ((parameter, gradient), state)) in each.enumerate() {
            let x = parameter.inner();
            let Some(gradient) = gradient else {
                updated[place] = Some(x);
                continue;
            };
            let moments = state.moments.take().unwrap_or_else(|| (x.zeros_like(), x.zeros_like()));
            match (gradient, x, moments) {
                (Gradient::Tokens(gradient, tokens), Value::Matrix(x), (Value::Matrix(m), Value::Matrix(v))) => {
                    let step = numbers.sparse(tokens, Arc::clone(&state.touched), place);
                    let (x, (m, v)) = Numbers::fused_sparse(x, gradient, (m, v), clip.clone(), step);
                    updated[place] = Some(Value::Matrix(x));
                    state.moments = Some((Value::Matrix(m), Value::Matrix(v)));
                }
                (Gradient::Whole(gradient), x, moments) => {
                    places.push(place);
                    parts.push(ParameterUpdate { x, gradient, moments, place });
                }
                (Gradient::Tokens(..), ..) => unreachable!("only a table has a gradient of tokens"),
            }
        }
        let results = match self.kernels {
            Kernels::Fused => numbers.fused(parts, clip),
            Kernels::Reference => parts.into_iter().map(|part| numbers.reference(part, &clip)).collect(),
        };
        for (place, (x, moments)) in places.into_iter().zip(results) {
            updated[place] = Some(x);
            self.moments[place].moments = Some(moments);
        }
        updated.into_iter().flatten().map(|x| x.autodiff().tracked()).collect()
    }
}

impl ParameterMoments {
    fn to_host(&self, entry: &Parameter) -> Result<(HostTensor, HostTensor)> {
        let zeros = || HostTensor { shape: entry.shape.clone(), values: vec![0.0; entry.elements()] };
        match &self.moments {
            None => Ok((zeros(), zeros())),
            Some((first, second)) => Ok((first.to_host(entry.role)?, second.to_host(entry.role)?)),
        }
    }
}
