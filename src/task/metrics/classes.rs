//! Metrics of predicted classes.

use crate::task::Prediction;

/// Returns the correct and the predicted class of each example.
fn pairs(predictions: &[Prediction]) -> impl Iterator<Item = (Option<usize>, usize)> {
    predictions.iter().map(|prediction| (prediction.target.class(), prediction.output.class()))
}

pub fn accuracy(predictions: &[Prediction]) -> Option<f64> {
    let right = pairs(predictions).filter(|(label, class)| *label == Some(*class)).count();
    (!predictions.is_empty()).then(|| right as f64 / predictions.len() as f64)
}

pub fn f1(predictions: &[Prediction]) -> Option<f64> {
    let true_positives = pairs(predictions).filter(|pair| matches!(pair, (Some(1), 1))).count();
    let wrong = pairs(predictions).filter(|pair| matches!(pair, (Some(1), 0) | (Some(0), 1))).count();
    // scikit-learn's value if neither labels nor predictions contain class 1.
    let score = if true_positives == 0 { 0.0 } else { 2.0 * true_positives as f64 / (2 * true_positives + wrong) as f64 };
    (!predictions.is_empty()).then_some(score)
}
