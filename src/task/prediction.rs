//! Predictions: the model's outputs with their targets.

use super::Target;

/// The model's output for one example, one number per output of the head: logits, or the predicted value.
#[derive(Clone, Debug, PartialEq)]
pub struct Output(pub Vec<f32>);

impl Output {
    /// Returns the index of the largest output; of equal ones, the first.
    #[must_use]
    pub fn class(&self) -> usize {
        let logits = &self.0;
        (0..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best })
    }

    /// Returns the probability of each class, by softmax.
    #[must_use]
    pub fn probabilities(&self) -> Vec<f64> {
        let largest = self.0.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: Vec<f64> = self.0.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(|e| e / sum).collect()
    }

    /// Returns the probability of each independent label, by sigmoid.
    #[must_use]
    pub fn label_probabilities(&self) -> Vec<f64> {
        self.0.iter().map(|logit| 1.0 / (1.0 + (-f64::from(*logit)).exp())).collect()
    }

    /// Returns whether each of several independent labels is predicted: its probability is at least one half.
    pub fn decided_labels(&self) -> impl ExactSizeIterator<Item = bool> {
        self.0.iter().map(|logit| *logit >= 0.0)
    }

    /// Returns the output of a model that predicts these probabilities of classes: ln(p / largest p), so that the largest logit is 0.
    ///
    /// These are the differences that [`Self::probabilities`] exponentiates, so that it gives the same probabilities again, to the
    /// last bit: the logarithm of two f64 is closer to such a difference than any other f32 is, down to differences of 1e-8.
    #[must_use]
    pub fn of_probabilities(probabilities: &[f64]) -> Self {
        let largest = probabilities.iter().copied().fold(0.0, f64::max);
        Self(probabilities.iter().map(|probability| (probability / largest).ln() as f32).collect())
    }

    /// Returns the output of a model that predicts these probabilities of independent labels: ln(p / (1 - p)).
    #[must_use]
    pub fn of_label_probabilities(probabilities: &[f64]) -> Self {
        Self(probabilities.iter().map(|probability| (probability / (1.0 - probability)).ln() as f32).collect())
    }

    /// Returns an output of 1 for `class` and 0 for the others.
    #[must_use]
    pub fn one_hot(class: usize, classes: usize) -> Self {
        Self((0..classes).map(|other| f32::from(u8::from(other == class))).collect())
    }
}

/// The model's output for an example, with the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The target.
    pub target: Target,
    /// The model's output.
    pub output: Output,
}

impl Prediction {
    /// Returns the example's loss in f64: the cross-entropy of a class, the mean binary cross-entropy of labels, or the squared
    /// error of a value. NaN if the output does not match the kind of target.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let outputs = self.output.0.as_slice();
        match (&self.target, outputs) {
            (Target::Class(class), _) => cross_entropy(outputs, *class as usize),
            (Target::Labels(labels), _) if labels.len() == outputs.len() => {
                // ln(1 + eˣ) − xz, in a form that does not overflow for any x.
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

/// Returns the negative logarithm of the softmax at `class`.
fn cross_entropy(logits: &[f32], class: usize) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    logits.get(class).map_or(f64::NAN, |logit| sum.ln() - f64::from(logit - largest))
}
