//! One step of AdamW over parameters and their moments.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::kernels::{Moved, Rule, Ruled, Rules, Several, Touched, Update, Words};
use crate::models::Value;
use crate::settings::Optimizer;

/// A parameter, the gradient of all of it, and its moments.
pub struct Part {
    /// The parameter.
    pub x: Value,
    /// Its gradient.
    pub gradient: Value,
    /// Running means of the gradient and of its square.
    pub moments: (Value, Value),
    /// Its number among the model's parameters.
    pub place: usize,
}

/// A parameter and its moments after a step.
pub type Updated = (Value, (Value, Value));

/// The numbers of one step.
#[derive(Clone, Debug)]
pub struct Numbers {
    settings: Optimizer,
    learning_rate: f64,
    /// Weight decay of each parameter.
    decay: Arc<Vec<f64>>,
    /// In single precision.
    rules: Arc<Rules>,
    /// `learning_rate / (1 - beta1^t)`.
    step_size: f64,
    /// `sqrt(1 - beta2^t)`.
    root_correction: f64,
}

impl Numbers {
    /// Those of step `t`, from 1, for parameters with this weight decay.
    pub fn new(settings: &Optimizer, decay: Arc<Vec<f64>>, learning_rate: f64, t: u64) -> Self {
        // Beyond, both powers have long been zero.
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        let mut numbers = Self {
            settings: settings.clone(),
            learning_rate,
            decay,
            rules: Arc::default(),
            step_size: learning_rate / (1.0 - settings.beta1.powi(t)),
            root_correction: (1.0 - settings.beta2.powi(t)).sqrt(),
        };
        numbers.rules = Arc::new(Rules::new(numbers.decay.iter().map(|decay| numbers.rule(*decay)).collect()));
        numbers
    }

    /// The rule of each parameter, for fused operations.
    #[cfg(feature = "gpu")]
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// What a parameter keeps of itself.
    fn keep(&self, decay: f64) -> f64 {
        1.0 - self.learning_rate * decay
    }

    /// In single precision.
    fn rule(&self, decay: f64) -> Rule {
        Rule {
            keep: self.keep(decay) as f32,
            beta1: self.settings.beta1 as f32,
            beta2: self.settings.beta2 as f32,
            step_size: self.step_size as f32,
            root_correction: self.root_correction as f32,
            epsilon: self.settings.epsilon as f32,
        }
    }

    /// All parameters in one operation; gradients are multiplied with `clip`, `[1]`, first.
    pub fn fused(&self, parts: Vec<Part>, clip: Tensor<1>) -> Vec<Updated> {
        let by = Ruled { rules: Arc::clone(&self.rules), which: parts.iter().map(|part| part.place).collect() };
        let is_matrix: Vec<bool> = parts.iter().map(|part| matches!(part.x, Value::Matrix(_))).collect();
        let (mut x, mut gradients) = (Several(Vec::new()), Several(Vec::new()));
        let (mut first, mut second) = (Several(Vec::new()), Several(Vec::new()));
        for part in parts {
            x.0.push(part.x.into_dispatch());
            gradients.0.push(part.gradient.into_dispatch());
            first.0.push(part.moments.0.into_dispatch());
            second.0.push(part.moments.1.into_dispatch());
        }
        if x.0.is_empty() {
            return Vec::new();
        }
        let (x, first, second) = Dispatch::adamw(x, gradients, first, second, clip.into_dispatch(), by);
        let value = |tensor, is_matrix| {
            if is_matrix { Value::Matrix(Tensor::from_dispatch(tensor)) } else { Value::Vector(Tensor::from_dispatch(tensor)) }
        };
        let all = x.0.into_iter().zip(first.0.into_iter().zip(second.0)).zip(is_matrix);
        all.map(|((x, (m, v)), is)| (value(x, is), (value(m, is), value(v, is)))).collect()
    }

    /// How a vocabulary with this number is updated.
    pub fn touched(&self, words: Arc<Words>, moved: Moved, which: usize) -> Touched {
        Touched { words, moved, rules: Arc::clone(&self.rules), which }
    }

    /// A vocabulary, of whose gradient fused operations keep the batch's words alone.
    pub fn words(
        x: Tensor<2>,
        gradient: Tensor<2>,
        moments: (Tensor<2>, Tensor<2>),
        clip: Tensor<1>,
        how: Touched,
    ) -> (Tensor<2>, (Tensor<2>, Tensor<2>)) {
        let [x, gradient, first, second] = [x, gradient, moments.0, moments.1].map(Tensor::into_dispatch);
        let clip = clip.into_dispatch();
        let (x, m, v) = Dispatch::adamw_words(x, gradient, first, second, clip, how);
        (Tensor::from_dispatch(x), (Tensor::from_dispatch(m), Tensor::from_dispatch(v)))
    }

    /// By Burn's own operations.
    pub fn reference(&self, part: Part, clip: &Tensor<1>) -> Updated {
        match (part.x, part.gradient, part.moments) {
            (Value::Vector(x), Value::Vector(gradient), (Value::Vector(m), Value::Vector(v))) => {
                let (x, (m, v)) = self.apply(x, gradient * clip.clone(), (m, v), self.decay[part.place]);
                (Value::Vector(x), (Value::Vector(m), Value::Vector(v)))
            }
            (Value::Matrix(x), Value::Matrix(gradient), (Value::Matrix(m), Value::Matrix(v))) => {
                let (x, (m, v)) = self.apply(x, gradient * clip.clone().unsqueeze(), (m, v), self.decay[part.place]);
                (Value::Matrix(x), (Value::Matrix(m), Value::Matrix(v)))
            }
            _ => unreachable!("a parameter, its gradient and its moments are of one kind"),
        }
    }

    fn apply<const D: usize>(
        &self,
        x: Tensor<D>,
        gradient: Tensor<D>,
        (m, v): (Tensor<D>, Tensor<D>),
        decay: f64,
    ) -> (Tensor<D>, (Tensor<D>, Tensor<D>)) {
        let Optimizer { beta1, beta2, epsilon, .. } = self.settings;
        let m = m * beta1 + gradient.clone() * (1.0 - beta1);
        let v = v * beta2 + gradient.clone() * gradient * (1.0 - beta2);
        let denominator = v.clone().sqrt() / self.root_correction + epsilon;
        let x = x * self.keep(decay) - m.clone() / denominator * self.step_size;
        (x, (m, v))
    }
}
