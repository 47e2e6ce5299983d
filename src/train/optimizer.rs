//! AdamW and gradient clipping, step by step as torch does them.

use std::sync::Arc;

use anyhow::Result;
use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::{Gradients, Tensor};

use super::device::{Device, Kernels};
use super::state::TrainingState;
use super::step::{Numbers, Part};
use crate::checkpoint::{HostTensor, Parameter, WORDS};
use crate::kernels::{Moved, Several, Update, Words};
use crate::models::{Input, Value};
use crate::settings::Optimizer;

/// Gradients of all parameters, in the table's order; none where a parameter took no part.
pub struct GradientSum(Vec<Option<Gradient>>);

/// The gradient of a parameter.
#[derive(Clone)]
enum Gradient {
    /// Of all of it.
    Whole(Value),
    /// Of a vocabulary: `[words, d]`, zero for all other words.
    Words(Tensor<2>, Arc<Words>),
}

impl GradientSum {
    /// Takes the gradients of `parameters` out of a backward pass over `input`.
    pub fn take(parameters: &[Value], gradients: &mut Gradients, input: &Input) -> Self {
        let mut take = |(index, parameter): (usize, &Value)| match (parameter, input) {
            (Value::Vector(x), _) => x.grad_remove(gradients).map(|x| Gradient::Whole(Value::Vector(x))),
            (Value::Matrix(x), Input::Rows(rows)) if index == WORDS => {
                x.grad_remove(gradients).map(|x| Gradient::Words(x, Arc::clone(&rows.words)))
            }
            (Value::Matrix(x), _) => x.grad_remove(gradients).map(|x| Gradient::Whole(Value::Matrix(x).widened())),
        };
        Self(parameters.iter().enumerate().map(&mut take).collect())
    }

    /// Adds the gradients of another batch.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |(a, b): (Option<Gradient>, Option<Gradient>)| match (a, b) {
            (Some(a), Some(b)) => Some(a.plus(b)),
            (a, b) => a.or(b),
        };
        Self(self.0.into_iter().zip(other.0).map(sum).collect())
    }

    /// The norm over all gradients as one vector, `[1]`.
    #[must_use]
    pub fn norm(&self, kernels: Kernels) -> Option<Tensor<1>> {
        let gradients = self.0.iter().flatten();
        let norm = match kernels {
            Kernels::Fused => {
                let all: Vec<DispatchTensor> = gradients.map(|gradient| gradient.clone().into_dispatch()).collect();
                (!all.is_empty()).then(|| Tensor::from_dispatch(Dispatch::norm(Several(all))))?
            }
            Kernels::Reference => {
                let squares: Vec<Tensor<1>> = gradients.map(Gradient::square_sum).collect();
                (!squares.is_empty()).then(|| Tensor::cat(squares, 0).sum().sqrt())?
            }
        };
        Some(norm)
    }
}

impl Gradient {
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(Value::Vector(a)), Self::Whole(Value::Vector(b))) => Self::Whole(Value::Vector(a + b)),
            (Self::Whole(Value::Matrix(a)), Self::Whole(Value::Matrix(b))) => Self::Whole(Value::Matrix(a + b)),
            (Self::Words(a, first), Self::Words(b, second)) => {
                let both = first.and(&second);
                let sum = Dispatch::add_words(a.into_dispatch(), first, b.into_dispatch(), second, Arc::clone(&both));
                Self::Words(Tensor::from_dispatch(sum), both)
            }
            _ => unreachable!("a parameter's gradients are of one kind"),
        }
    }

    fn into_dispatch(self) -> DispatchTensor {
        match self {
            Self::Whole(value) => value.into_dispatch(),
            Self::Words(x, _) => x.into_dispatch(),
        }
    }

    fn square_sum(&self) -> Tensor<1> {
        match self {
            Self::Whole(Value::Vector(x)) => (x.clone() * x.clone()).sum(),
            Self::Whole(Value::Matrix(x)) | Self::Words(x, _) => (x.clone() * x.clone()).sum(),
        }
    }
}

/// What gradients of this norm, `[1]`, are multiplied with, so that it is no larger than `largest`: torch's
/// `clip_grad_norm_`, which divides by multiplying with a reciprocal.
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
    /// One for each parameter.
    decay: Arc<Vec<f64>>,
    moments: Vec<State>,
    kernels: Kernels,
    steps: i32,
}

/// Running means of a parameter's gradients and of their squares, where it is.
#[derive(Default)]
struct State {
    /// None before the first step.
    moments: Option<(Value, Value)>,
    /// Of a vocabulary, for fused operations.
    moved: Moved,
}

impl AdamW {
    /// An optimizer that has taken no step, for parameters of these names.
    #[must_use]
    pub fn new(settings: &Optimizer, names: impl Iterator<Item = String>, kernels: Kernels) -> Self {
        let decay: Vec<f64> = names.map(|name| settings.decay_of(&name)).collect();
        let moments = decay.iter().map(|_| State::default()).collect();
        Self { settings: settings.clone(), moments, decay: Arc::new(decay), kernels, steps: 0 }
    }

    /// The running means of gradients and of their squares, in the file's layout; zeros before the first step.
    ///
    /// # Errors
    /// The device failed.
    pub fn moments(&self, table: &[Parameter]) -> Result<(Vec<HostTensor>, Vec<HostTensor>)> {
        let pairs = self.moments.iter().zip(table).map(|(state, entry)| state.to_host(entry));
        Ok(pairs.collect::<Result<Vec<_>>>()?.into_iter().unzip())
    }

    /// Goes on where another optimizer was.
    pub fn restore(&mut self, table: &[Parameter], state: TrainingState, device: &Device) {
        self.steps = i32::try_from(state.counters.steps).unwrap_or(i32::MAX);
        let moments = state.first_moments.into_iter().zip(state.second_moments);
        for ((own, entry), (first, second)) in self.moments.iter_mut().zip(table).zip(moments) {
            let value = |tensor| Value::from_host(tensor, entry.role, device.plain());
            *own = State { moments: Some((value(&first), value(&second))), moved: Moved::default() };
        }
    }

    /// The numbers of the next step.
    #[must_use]
    pub fn next(&mut self, learning_rate: f64) -> Numbers {
        self.steps += 1;
        Numbers::new(&self.settings, Arc::clone(&self.decay), learning_rate, self.steps)
    }

    /// Copies of both moments of each parameter that has some.
    #[cfg(feature = "gpu")]
    pub fn copied(&self) -> Vec<Option<(Value, Value)>> {
        let of = |(first, second): &(Value, Value)| (first.clone().copied(), second.clone().copied());
        self.moments.iter().map(|state| state.moments.as_ref().map(of)).collect()
    }

    /// Goes on with these.
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

    /// Updates every parameter that has a gradient, which is multiplied with `clip`, `[1]`, first.
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
            match gradient {
                Gradient::Whole(gradient) => {
                    places.push(place);
                    parts.push(Part { x, gradient, moments, place });
                }
                Gradient::Words(gradient, words) => {
                    let how = numbers.touched(words, Arc::clone(&state.moved), place);
                    let moments = (moments.0.matrix(), moments.1.matrix());
                    let (x, (m, v)) = Numbers::words(x.matrix(), gradient, moments, clip.clone(), how);
                    updated[place] = Some(Value::Matrix(x));
                    state.moments = Some((Value::Matrix(m), Value::Matrix(v)));
                }
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

impl State {
    fn to_host(&self, entry: &Parameter) -> Result<(HostTensor, HostTensor)> {
        let zeros = || HostTensor { shape: entry.shape.clone(), values: vec![0.0; entry.elements()] };
        match &self.moments {
            None => Ok((zeros(), zeros())),
            Some((first, second)) => Ok((first.to_host(entry.role)?, second.to_host(entry.role)?)),
        }
    }
}
