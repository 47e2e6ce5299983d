//! One AdamW step over parameters and their moments.

use std::sync::Arc;

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use crate::kernels::{AdamWStep, ResidentRules, ResidentTokens, SparseAdamWStep, TouchedRows, Update, UpdateRule};
use crate::models::Value;
use crate::settings::Optimizer;

/// A parameter, its dense gradient and its moments.
pub struct ParameterUpdate {
    /// The parameter.
    pub x: Value,
    pub gradient: Value,
    /// First and second moments.
    pub moments: (Value, Value),
    /// Index of the parameter in the model.
    pub place: usize,
}

/// A parameter and its moments after a step.
pub type Updated = (Value, (Value, Value));

/// The hyperparameters of one step.
#[derive(Clone, Debug)]
pub struct Numbers {
    settings: Optimizer,
    learning_rate: f64,
    /// Weight decay of each parameter.
    decay: Arc<Vec<f64>>,
    /// The update rules, in single precision.
    rules: Arc<ResidentRules>,
    /// `learning_rate / (1 - beta1^t)`.
    step_size: f64,
    /// `sqrt(1 - beta2^t)`.
    root_correction: f64,
}

impl Numbers {
    /// The hyperparameters of step `t`, from 1, for parameters with this weight decay.
    pub fn new(settings: &Optimizer, decay: Arc<Vec<f64>>, learning_rate: f64, t: u64) -> Self {
        // For larger steps both powers are zero anyway.
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        let mut numbers = Self {
            settings: settings.clone(),
            learning_rate,
            decay,
            rules: Arc::default(),
            step_size: learning_rate / (1.0 - settings.beta1.powi(t)),
            root_correction: (1.0 - settings.beta2.powi(t)).sqrt(),
        };
        numbers.rules = Arc::new(numbers.decay.iter().map(|decay| numbers.rule(*decay)).collect::<Vec<_>>().into());
        numbers
    }

    /// The update rule of each parameter, for the fused kernels.
    #[cfg(feature = "gpu")]
    pub fn rules(&self) -> &Arc<ResidentRules> {
        &self.rules
    }

    /// The factor that weight decay applies to a parameter.
    fn keep(&self, decay: f64) -> f64 {
        1.0 - self.learning_rate * decay
    }

    /// The update rule in single precision.
    fn rule(&self, decay: f64) -> UpdateRule {
        UpdateRule {
            keep: self.keep(decay) as f32,
            beta1: self.settings.beta1 as f32,
            beta2: self.settings.beta2 as f32,
            step_size: self.step_size as f32,
            root_correction: self.root_correction as f32,
            epsilon: self.settings.epsilon as f32,
        }
    }

    /// Updates all parameters in one fused operation, after scaling the gradients by `clip`, `[1]`.
    pub fn fused(&self, parts: Vec<ParameterUpdate>, clip: Tensor<1>) -> Vec<Updated> {
        if parts.is_empty() {
            return Vec::new();
        }
        let step = AdamWStep { rules: Arc::clone(&self.rules), which: parts.iter().map(|part| part.place).collect() };
        let is_matrix: Vec<bool> = parts.iter().map(|part| matches!(part.x, Value::Matrix(_))).collect();
        let mut operands: [Vec<DispatchTensor>; 4] = Default::default();
        for part in parts {
            let values = [part.x, part.gradient, part.moments.0, part.moments.1];
            operands.iter_mut().zip(values).for_each(|(operands, value)| operands.push(value.into_dispatch()));
        }
        let mut results = step.apply(operands.into_iter().flatten().chain([clip.into_dispatch()]).collect()).into_iter();
        let mut take = || {
            let value = |(is_matrix, tensor): (&bool, DispatchTensor)| {
                if *is_matrix {
                    Value::Matrix(Tensor::from_dispatch(tensor))
                } else {
                    Value::Vector(Tensor::from_dispatch(tensor))
                }
            };
            is_matrix.iter().zip(results.by_ref()).map(value).collect::<Vec<_>>()
        };
        let (x, first, second) = (take(), take(), take());
        x.into_iter().zip(first.into_iter().zip(second)).collect()
    }

    /// The sparse update of the token embedding table with parameter index `which`.
    pub fn sparse(&self, tokens: Arc<ResidentTokens>, touched: TouchedRows, which: usize) -> SparseAdamWStep {
        SparseAdamWStep { tokens, touched, rules: Arc::clone(&self.rules), which }
    }

    /// Updates a token embedding table from a gradient that holds only the rows of the batch's tokens.
    pub fn fused_sparse(
        x: Tensor<2>,
        gradient: Tensor<2>,
        moments: (Tensor<2>, Tensor<2>),
        clip: Tensor<1>,
        step: SparseAdamWStep,
    ) -> (Tensor<2>, (Tensor<2>, Tensor<2>)) {
        let operands = [x, gradient, moments.0, moments.1].map(Tensor::into_dispatch);
        let results = step.apply(operands.into_iter().chain([clip.into_dispatch()]).collect());
        let [x, m, v] = results.try_into().unwrap_or_else(|_| unreachable!("a table and its moments"));
        (Tensor::from_dispatch(x), (Tensor::from_dispatch(m), Tensor::from_dispatch(v)))
    }

    /// Updates a parameter with Burn's own operations.
    pub fn reference(&self, part: ParameterUpdate, clip: &Tensor<1>) -> Updated {
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
