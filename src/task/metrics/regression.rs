//! Metrics of predicted numbers.

use crate::task::{Prediction, Target};

/// Returns the correct and the predicted values; `None` if any target is of another kind, or there are no examples.
fn values(predictions: &[Prediction]) -> Option<(Vec<f64>, Vec<f64>)> {
    let pair = |prediction: &Prediction| match (&prediction.target, prediction.output.0.as_slice()) {
        (Target::Value(target), [output]) => Some((f64::from(*target), f64::from(*output))),
        _ => None,
    };
    predictions.iter().map(pair).collect::<Option<(Vec<f64>, Vec<f64>)>>().filter(|(targets, _)| !targets.is_empty())
}

pub fn mse(predictions: &[Prediction]) -> Option<f64> {
    let (targets, outputs) = values(predictions)?;
    let squares = targets.iter().zip(&outputs).map(|(target, output)| (output - target).powi(2));
    Some(squares.sum::<f64>() / targets.len() as f64)
}

pub fn mae(predictions: &[Prediction]) -> Option<f64> {
    let (targets, outputs) = values(predictions)?;
    let distances = targets.iter().zip(&outputs).map(|(target, output)| (output - target).abs());
    Some(distances.sum::<f64>() / targets.len() as f64)
}

pub fn pearson(predictions: &[Prediction]) -> Option<f64> {
    let (targets, outputs) = values(predictions)?;
    correlation(&targets, &outputs)
}

pub fn spearman(predictions: &[Prediction]) -> Option<f64> {
    let (targets, outputs) = values(predictions)?;
    correlation(&ranks(&targets), &ranks(&outputs))
}

/// Pearson's r = Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)² Σ(y − ȳ)²), each side scaled to length 1 first, as scipy does.
fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = (direction(x)?, direction(y)?);
    Some(x.iter().zip(&y).map(|(x, y)| x * y).sum::<f64>().clamp(-1.0, 1.0))
}

/// Returns the deviations from the mean, scaled to length 1; `None` if all values are equal.
fn direction(values: &[f64]) -> Option<Vec<f64>> {
    // Rounding of the mean would make constant values look as if they varied.
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let centered: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let length = centered.iter().map(|value| value * value).sum::<f64>().sqrt();
    (length > 0.0 && length.is_finite()).then(|| centered.iter().map(|value| value / length).collect())
}

/// Returns the ranks from 1; ties share their mean rank.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let last = first + group.len();
        for index in group {
            ranks[*index] = (first + 1 + last) as f64 / 2.0;
        }
        first = last;
    }
    ranks
}
