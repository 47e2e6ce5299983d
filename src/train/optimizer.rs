//! AdamW and gradient clipping, step by step as torch does them.

use std::sync::Arc;

use anyhow::Result;
use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::{Gradients, Tensor};

use super::device::{Device, Kernels};
use super::state::TrainingState;
use crate::checkpoint::{HostTensor, Parameter, WORDS};
use crate::kernels::{self, Moved, Update, Words};
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
        Self { settings: settings.clone(), moments, decay, kernels, steps: 0 }
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

    /// Updates every parameter that has a gradient, which is multiplied with `clip` first.
    #[must_use]
    pub fn step(&mut self, parameters: Vec<Value>, gradients: GradientSum, learning_rate: f64, clip: f64) -> Vec<Value> {
        self.steps += 1;
        let rule = Rule::new(&self.settings, learning_rate, self.steps, clip, self.kernels);
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
        match &self.moments {
            None => Ok((zeros(), zeros())),
            Some((first, second)) => Ok((first.to_host(entry.role)?, second.to_host(entry.role)?)),
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
    kernels: Kernels,
}

impl Rule {
    fn new(settings: &Optimizer, learning_rate: f64, steps: i32, clip: f64, kernels: Kernels) -> Self {
        Self {
            kernels,
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
        let before = state.moments.take().map(|(m, v)| (m.vector(), v.vector()));
        let (x, m, v) = self.apply(x, gradient, before, decay);
        state.moments = Some((Value::Vector(m), Value::Vector(v)));
        x
    }

    fn matrix(&self, x: Tensor<2>, gradient: Tensor<2>, state: &mut State, decay: f64) -> Tensor<2> {
        let before = state.moments.take().map(|(m, v)| (m.matrix(), v.matrix()));
        let (x, m, v) = self.apply(x, gradient, before, decay);
        state.moments = Some((Value::Matrix(m), Value::Matrix(v)));
        x
    }

    /// A vocabulary, of whose gradient fused operations keep the batch's words alone.
    fn words(&self, x: Tensor<2>, gradient: Tensor<2>, words: Arc<Words>, state: &mut State, decay: f64) -> Tensor<2> {
        let before = state.moments.take().map(|(m, v)| (m.matrix(), v.matrix()));
        let (first, second) = before.unwrap_or_else(|| (x.zeros_like(), x.zeros_like()));
        let [x, gradient, first, second] = [x, gradient, first, second].map(Tensor::into_dispatch);
        let moved = Arc::clone(&state.moved);
        let (x, m, v) = Dispatch::adamw_words(x, gradient, first, second, words, moved, self.single(decay));
        let [x, m, v] = [x, m, v].map(Tensor::from_dispatch);
        state.moments = Some((Value::Matrix(m), Value::Matrix(v)));
        x
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
        match self.kernels {
            Kernels::Fused => {
                let (first, second) = moments.unwrap_or_else(|| (x.zeros_like(), x.zeros_like()));
                let [x, gradient, first, second] = [x, gradient, first, second].map(Tensor::into_dispatch);
                let (x, m, v) = Dispatch::adamw(x, gradient, first, second, self.single(decay));
                (Tensor::from_dispatch(x), Tensor::from_dispatch(m), Tensor::from_dispatch(v))
            }
            Kernels::Reference => self.apply_reference(x, gradient, moments, decay),
        }
    }

    fn apply_reference<const D: usize>(
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
