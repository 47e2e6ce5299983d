//! AdamW and gradient clipping, step by step as torch does them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::{Gradients, Tensor};

use super::device::{Device, Kernels};
use super::state::TrainingState;
use crate::checkpoint::{HostTensor, Parameter, Role, WORDS};
use crate::kernels::{self, Moments, Update, Words};
use crate::models::{Input, Value};
use crate::settings::Optimizer;

/// Gradients of all parameters, in the table's order; none where a parameter took no part.
pub struct GradientSum(Vec<Option<Gradient>>);

/// The gradient of a parameter.
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
            (Value::Matrix(x), _) => x.grad_remove(gradients).map(|x| Gradient::Whole(Value::Matrix(x))),
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
        let fused = |x: DispatchTensor| Tensor::from_dispatch(Dispatch::square_sum(x));
        let square = |gradient: &Gradient| match (kernels, gradient) {
            (Kernels::Fused, Gradient::Whole(Value::Vector(x))) => fused(x.clone().into_dispatch()),
            (Kernels::Fused, Gradient::Whole(Value::Matrix(x)) | Gradient::Words(x, _)) => fused(x.clone().into_dispatch()),
            (Kernels::Reference, Gradient::Whole(Value::Vector(x))) => (x.clone() * x.clone()).sum(),
            (Kernels::Reference, Gradient::Whole(Value::Matrix(x)) | Gradient::Words(x, _)) => (x.clone() * x.clone()).sum(),
        };
        let squares: Vec<Tensor<1>> = self.0.iter().flatten().map(square).collect();
        (!squares.is_empty()).then(|| Tensor::cat(squares, 0).sum().sqrt())
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
}

/// What gradients of this norm are multiplied with, so that it is no larger than `largest`: torch's `clip_grad_norm_`.
#[must_use]
pub fn clip_factor(norm: f64, largest: Option<f64>) -> f64 {
    largest.map_or(1.0, |largest| (largest / (norm + 1e-6)).min(1.0))
}

/// AdamW (Loshchilov and Hutter 2019, algorithm 2), with the order of operations of `torch.optim.AdamW`.
pub struct AdamW {
    settings: Optimizer,
    /// One for each parameter.
    decay: Vec<f64>,
    moments: Vec<State>,
    steps: i32,
}

/// Running means of a parameter's gradients and of their squares.
// There is one for each parameter, whose numbers are what takes room.
#[allow(clippy::large_enum_variant)]
enum State {
    /// In the host's memory, changed in place.
    Fused(Arc<Mutex<Moments>>),
    /// On the device; none before the first step.
    Reference(Option<(Value, Value)>),
}

impl AdamW {
    /// An optimizer that has taken no step, for parameters of these names.
    #[must_use]
    pub fn new(settings: &Optimizer, names: impl Iterator<Item = String>, kernels: Kernels) -> Self {
        let decay: Vec<f64> = names.map(|name| settings.decay_of(&name)).collect();
        let state = || match kernels {
            Kernels::Fused => State::Fused(Arc::default()),
            Kernels::Reference => State::Reference(None),
        };
        Self { settings: settings.clone(), moments: decay.iter().map(|_| state()).collect(), decay, steps: 0 }
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
            *own = match own {
                State::Fused(_) => {
                    let (first, second) = (first.turned(entry.role), second.turned(entry.role));
                    State::Fused(Arc::new(Mutex::new(Moments::new(first.values, second.values))))
                }
                State::Reference(_) => {
                    let value = |tensor| Value::from_host(tensor, entry.role, device.plain());
                    State::Reference(Some((value(&first), value(&second))))
                }
            };
        }
    }

    /// Updates every parameter that has a gradient, which is multiplied with `clip` first.
    #[must_use]
    pub fn step(&mut self, parameters: Vec<Value>, gradients: GradientSum, learning_rate: f64, clip: f64) -> Vec<Value> {
        self.steps += 1;
        let rule = Rule::new(&self.settings, learning_rate, self.steps, clip);
        let each = parameters.into_iter().zip(gradients.0).zip(self.moments.iter_mut().zip(&self.decay));
        each.map(|((parameter, gradient), (state, decay))| {
            let updated = match (parameter.inner(), gradient) {
                (Value::Vector(x), Some(Gradient::Whole(Value::Vector(g)))) => {
                    Value::Vector(rule.vector(x, g, state, *decay).autodiff())
                }
                (Value::Matrix(x), Some(Gradient::Whole(Value::Matrix(g)))) => {
                    Value::Matrix(rule.matrix(x, g, state, *decay).autodiff())
                }
                (Value::Matrix(x), Some(Gradient::Words(g, words))) => {
                    Value::Matrix(rule.words(x, g, words, state, *decay).autodiff())
                }
                (Value::Vector(x), _) => Value::Vector(x.autodiff()),
                (Value::Matrix(x), _) => Value::Matrix(x.autodiff()),
            };
            updated.tracked()
        })
        .collect()
    }
}

impl State {
    fn to_host(&self, entry: &Parameter) -> Result<(HostTensor, HostTensor)> {
        let zeros = || HostTensor { shape: entry.shape.clone(), values: vec![0.0; entry.elements()] };
        match self {
            Self::Fused(moments) => {
                let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
                if moments.first.is_empty() {
                    return Ok((zeros(), zeros()));
                }
                let mut shape = entry.shape.clone();
                if entry.role == Role::Linear {
                    shape.reverse();
                }
                let tensor = |values: &[f32]| HostTensor { shape: shape.clone(), values: values.to_vec() }.turned(entry.role);
                Ok((tensor(&moments.first), tensor(&moments.second)))
            }
            Self::Reference(None) => Ok((zeros(), zeros())),
            Self::Reference(Some((first, second))) => Ok((first.to_host(entry.role)?, second.to_host(entry.role)?)),
        }
    }
}

/// The numbers of one step.
struct Rule {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// `learning_rate / (1 - beta1^t)`.
    step_size: f64,
    /// `sqrt(1 - beta2^t)`.
    root_correction: f64,
    clip: f64,
}

impl Rule {
    fn new(settings: &Optimizer, learning_rate: f64, steps: i32, clip: f64) -> Self {
        Self {
            learning_rate,
            beta1: settings.beta1,
            beta2: settings.beta2,
            epsilon: settings.epsilon,
            step_size: learning_rate / (1.0 - settings.beta1.powi(steps)),
            root_correction: (1.0 - settings.beta2.powi(steps)).sqrt(),
            clip,
        }
    }

    fn vector(&self, x: Tensor<1>, gradient: Tensor<1>, state: &mut State, decay: f64) -> Tensor<1> {
        match state {
            State::Fused(moments) => self.fused(x, gradient, moments, decay),
            State::Reference(moments) => {
                let before = moments.take().map(|(m, v)| (m.vector(), v.vector()));
                let (x, m, v) = self.apply(x, gradient, before, decay);
                *moments = Some((Value::Vector(m), Value::Vector(v)));
                x
            }
        }
    }

    fn matrix(&self, x: Tensor<2>, gradient: Tensor<2>, state: &mut State, decay: f64) -> Tensor<2> {
        match state {
            State::Fused(moments) => self.fused(x, gradient, moments, decay),
            State::Reference(moments) => {
                let before = moments.take().map(|(m, v)| (m.matrix(), v.matrix()));
                let (x, m, v) = self.apply(x, gradient, before, decay);
                *moments = Some((Value::Matrix(m), Value::Matrix(v)));
                x
            }
        }
    }

    fn words(&self, x: Tensor<2>, gradient: Tensor<2>, words: Arc<Words>, state: &State, decay: f64) -> Tensor<2> {
        let State::Fused(moments) = state else { unreachable!("only fused operations keep gradients of some words") };
        let (x, gradient) = (x.into_dispatch(), gradient.into_dispatch());
        Tensor::from_dispatch(Dispatch::adamw_words(x, gradient, words, Arc::clone(moments), self.single(decay)))
    }

    fn fused<const D: usize>(&self, x: Tensor<D>, gradient: Tensor<D>, moments: &Arc<Mutex<Moments>>, decay: f64) -> Tensor<D> {
        let (x, gradient) = (x.into_dispatch(), gradient.into_dispatch());
        Tensor::from_dispatch(Dispatch::adamw(x, gradient, Arc::clone(moments), self.single(decay)))
    }

    /// In single precision.
    fn single(&self, decay: f64) -> kernels::Rule {
        kernels::Rule {
            clip: self.clip as f32,
            keep: (1.0 - self.learning_rate * decay) as f32,
            beta1: self.beta1 as f32,
            beta2: self.beta2 as f32,
            step_size: self.step_size as f32,
            root_correction: self.root_correction as f32,
            epsilon: self.epsilon as f32,
        }
    }

    /// The updated parameter and its moments.
    fn apply<const D: usize>(
        &self,
        x: Tensor<D>,
        gradient: Tensor<D>,
        moments: Option<(Tensor<D>, Tensor<D>)>,
        decay: f64,
    ) -> (Tensor<D>, Tensor<D>, Tensor<D>) {
        let gradient = if self.clip < 1.0 { gradient * self.clip } else { gradient };
        let first = gradient.clone() * (1.0 - self.beta1);
        let second = gradient.clone() * gradient * (1.0 - self.beta2);
        let (m, v) = match moments {
            Some((m, v)) => (m * self.beta1 + first, v * self.beta2 + second),
            None => (first, second),
        };
        let denominator = v.clone().sqrt() / self.root_correction + self.epsilon;
        let x = x * (1.0 - self.learning_rate * decay) - m.clone() / denominator * self.step_size;
        (x, m, v)
    }
}
