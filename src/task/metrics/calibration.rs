//! Metrics of predicted probabilities of classes.

use crate::task::Prediction;

/// Each example's class and the probabilities of all classes; none without examples, or where a target is not a class.
fn distributions(predictions: &[Prediction]) -> Option<Vec<(usize, Vec<f64>)>> {
    let pair = |prediction: &Prediction| {
        let (class, probabilities) = (prediction.target.class()?, prediction.output.probabilities());
        (class < probabilities.len()).then_some((class, probabilities))
    };
    predictions.iter().map(pair).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

fn mean(all: &[(usize, Vec<f64>)], of: impl Fn(usize, &[f64]) -> f64) -> f64 {
    all.iter().map(|(class, probabilities)| of(*class, probabilities)).sum::<f64>() / all.len() as f64
}

pub fn log_loss(predictions: &[Prediction]) -> Option<f64> {
    Some(mean(&distributions(predictions)?, |class, probabilities| {
        -probabilities[class].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    }))
}

pub fn brier(predictions: &[Prediction]) -> Option<f64> {
    Some(mean(&distributions(predictions)?, |class, probabilities| {
        let distance = |(other, probability): (usize, &f64)| (probability - f64::from(u8::from(other == class))).powi(2);
        let sum: f64 = probabilities.iter().enumerate().map(distance).sum();
        if probabilities.len() == 2 { sum / 2.0 } else { sum }
    }))
}

/// Bins of equal width between 0 and 1.
const BINS: usize = 15;

/// Σ |bin| / n · |accuracy − mean confidence| over bins (k / 15, (k + 1) / 15] (Guo et al. 2017).
pub fn ece(predictions: &[Prediction]) -> Option<f64> {
    let all = distributions(predictions)?;
    // Examples, right ones, and the sum of their confidence.
    let mut bins = [(0_usize, 0_usize, 0.0_f64); BINS];
    for ((class, probabilities), prediction) in all.iter().zip(predictions) {
        let predicted = prediction.output.class();
        let confidence = probabilities[predicted];
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        let (examples, right, sum) = &mut bins[bin];
        (*examples, *right, *sum) = (*examples + 1, *right + usize::from(predicted == *class), *sum + confidence);
    }
    let gaps = bins.iter().map(|(_, right, confidence)| (*right as f64 - confidence).abs());
    Some(gaps.sum::<f64>() / all.len() as f64)
}
