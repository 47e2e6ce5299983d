//! AdamW and gradient clipping, step by step as torch does them.

use burn::tensor::{Gradients, Tensor};

use crate::models::Value;
use crate::settings::Optimizer;

/// Gradients of all parameters, in the table's order; none where a parameter took no part.
pub struct GradientSum(Vec<Option<Value>>);

impl GradientSum {
    /// Takes the gradients of `parameters` out of a backward pass.
    pub fn take(parameters: &[Value], gradients: &mut Gradients) -> Self {
        Self(
            parameters
                .iter()
                .map(|parameter| match parameter {
                    Value::Vector(x) => x.grad_remove(gradients).map(Value::Vector),
                    Value::Matrix(x) => x.grad_remove(gradients).map(Value::Matrix),
                })
                .collect(),
        )
    }

    /// Adds the gradients of another batch.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |pair| match pair {
            (Some(Value::Vector(a)), Some(Value::Vector(b))) => Some(Value::Vector(a + b)),
            (Some(Value::Matrix(a)), Some(Value::Matrix(b))) => Some(Value::Matrix(a + b)),
            (a, b) => a.or(b),
        };
        Self(self.0.into_iter().zip(other.0).map(sum).collect())
    }

    /// The norm over all gradients as one vector, `[1]`.
    #[must_use]
    pub fn norm(&self) -> Option<Tensor<1>> {
        let square = |value: &Value| match value {
            Value::Vector(x) => (x.clone() * x.clone()).sum(),
            Value::Matrix(x) => (x.clone() * x.clone()).sum(),
        };
        let squares: Vec<Tensor<1>> = self.0.iter().flatten().map(square).collect();
        (!squares.is_empty()).then(|| Tensor::cat(squares, 0).sum().sqrt())
    }

    /// Scales the gradients to `largest` where their norm is larger: torch's `clip_grad_norm_`.
    #[must_use]
    pub fn clipped(self, norm: &Tensor<1>, largest: f64) -> Self {
        let factor = (norm.clone() + 1e-6).recip().mul_scalar(largest).clamp_max(1.0);
        let scale = |value| match value {
            Value::Vector(x) => Value::Vector(x * factor.clone()),
            Value::Matrix(x) => Value::Matrix(x * factor.clone().unsqueeze()),
        };
        Self(self.0.into_iter().map(|value| value.map(scale)).collect())
    }
}

/// AdamW (Loshchilov and Hutter 2019, algorithm 2), with the order of operations of `torch.optim.AdamW`.
pub struct AdamW {
    settings: Optimizer,
    /// One for each parameter.
    decay: Vec<f64>,
    /// Running means of the gradients and of their squares.
    moments: Vec<Option<(Value, Value)>>,
    steps: i32,
}

impl AdamW {
    /// An optimizer that has taken no step, for parameters of these names.
    #[must_use]
    pub fn new(settings: &Optimizer, names: impl Iterator<Item = String>) -> Self {
        let decay: Vec<f64> = names.map(|name| settings.decay_of(&name)).collect();
        Self { settings: settings.clone(), moments: decay.iter().map(|_| None).collect(), decay, steps: 0 }
    }

    /// Updates every parameter that has a gradient.
    #[must_use]
    pub fn step(&mut self, parameters: Vec<Value>, gradients: GradientSum, learning_rate: f64) -> Vec<Value> {
        self.steps += 1;
        let rule = Rule::new(&self.settings, learning_rate, self.steps);
        let mut updated = Vec::with_capacity(parameters.len());
        for (index, (parameter, gradient)) in parameters.into_iter().zip(gradients.0).enumerate() {
            let moments = &mut self.moments[index];
            let decay = self.decay[index];
            updated.push(
                match (parameter.inner(), gradient) {
                    (Value::Vector(x), Some(Value::Vector(g))) => {
                        let before = moments.take().map(|(m, v)| (m.vector(), v.vector()));
                        let (x, m, v) = rule.apply(x, g, before, decay);
                        *moments = Some((Value::Vector(m), Value::Vector(v)));
                        Value::Vector(x.autodiff())
                    }
                    (Value::Matrix(x), Some(Value::Matrix(g))) => {
                        let before = moments.take().map(|(m, v)| (m.matrix(), v.matrix()));
                        let (x, m, v) = rule.apply(x, g, before, decay);
                        *moments = Some((Value::Matrix(m), Value::Matrix(v)));
                        Value::Matrix(x.autodiff())
                    }
                    (Value::Vector(x), _) => Value::Vector(x.autodiff()),
                    (Value::Matrix(x), _) => Value::Matrix(x.autodiff()),
                }
                .tracked(),
            );
        }
        updated
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
}

impl Rule {
    fn new(settings: &Optimizer, learning_rate: f64, steps: i32) -> Self {
        Self {
            learning_rate,
            beta1: settings.beta1,
            beta2: settings.beta2,
            epsilon: settings.epsilon,
            step_size: learning_rate / (1.0 - settings.beta1.powi(steps)),
            root_correction: (1.0 - settings.beta2.powi(steps)).sqrt(),
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
