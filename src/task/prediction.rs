//! What a model says of an example, beside what is right.

use super::Target;

/// The numbers that come out of a model for one example, one for each of the head's outputs: logits, or the predicted value.
#[derive(Clone, Debug, PartialEq)]
pub struct Output(pub Vec<f32>);

impl Output {
    /// The output that is largest; of equal ones the first.
    #[must_use]
    pub fn class(&self) -> usize {
        let logits = &self.0;
        (0..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best })
    }

    /// Softmax: the probability of each class.
    #[must_use]
    pub fn probabilities(&self) -> Vec<f64> {
        let largest = self.0.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: Vec<f64> = self.0.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(|e| e / sum).collect()
    }

    /// Sigmoid: the probability of each of several independent labels.
    #[must_use]
    pub fn label_probabilities(&self) -> Vec<f64> {
        self.0.iter().map(|logit| 1.0 / (1.0 + (-f64::from(*logit)).exp())).collect()
    }

    /// The output of a model that is sure of a class: 1 for it, 0 for the others.
    #[must_use]
    pub fn one_hot(class: usize, classes: usize) -> Self {
        Self((0..classes).map(|other| f32::from(u8::from(other == class))).collect())
    }
}

/// What a model says of an example, and what is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// What is right.
    pub target: Target,
    /// What the model says.
    pub output: Output,
}

impl Prediction {
    /// The example's loss, in the precision of f64: cross-entropy of a class; the mean of the labels' binary cross-entropies;
    /// the squared error of a value. NaN where the output is not of the target's kind.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let outputs = self.output.0.as_slice();
        match (&self.target, outputs) {
            (Target::Class(class), _) => cross_entropy(outputs, *class as usize),
            (Target::Labels(labels), _) if labels.len() == outputs.len() => {
                // ln(1 + eˣ) − xz, which overflows for no x.
                let of = |(x, is_on): (&f32, &bool)| {
                    let x = f64::from(*x);
                    x.max(0.0) - if *is_on { x } else { 0.0 } + (-x.abs()).exp().ln_1p()
                };
                outputs.iter().zip(labels).map(of).sum::<f64>() / outputs.len() as f64
            }
            (Target::Value(value), [output]) => (f64::from(*output) - f64::from(*value)).powi(2),
            _ => f64::NAN,
        }
    }
}

/// Minus the logarithm of the softmax at `class`.
fn cross_entropy(logits: &[f32], class: usize) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    logits.get(class).map_or(f64::NAN, |logit| sum.ln() - f64::from(logit - largest))
}
