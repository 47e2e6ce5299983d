//! Metrics of the order in which probabilities put examples.

use super::regression::ranks;
use crate::task::{Head, Prediction, Task};

/// Whether each example is positive, and the probability that the model gives it.
type Ranked = Vec<(bool, f64)>;

/// What is ranked: the positive class of two, each class against the rest, or each label.
fn rankings(task: &Task, predictions: &[Prediction]) -> Option<Vec<Ranked>> {
    let of_class = |class: usize| -> Option<Ranked> {
        let pair = |prediction: &Prediction| {
            let probability = *prediction.output.probabilities().get(class)?;
            Some((prediction.target.class()? == class, probability))
        };
        predictions.iter().map(pair).collect()
    };
    let of_label = |label: usize| -> Option<Ranked> {
        let pair = |prediction: &Prediction| {
            let probability = *prediction.output.label_probabilities().get(label)?;
            Some((*prediction.target.labels()?.get(label)?, probability))
        };
        predictions.iter().map(pair).collect()
    };
    match &task.head {
        Head::Classes(classes) if classes.len() == 2 => Some(vec![of_class(task.positive())?]),
        Head::Classes(classes) => (0..classes.len()).map(of_class).collect(),
        Head::Labels(labels) => (0..labels.len()).map(of_label).collect(),
        Head::Value => None,
    }
}

fn mean(task: &Task, predictions: &[Prediction], of: fn(&Ranked) -> Option<f64>) -> Option<f64> {
    let all = rankings(task, predictions)?.iter().map(of).collect::<Option<Vec<f64>>>()?;
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

pub fn roc_auc(task: &Task, predictions: &[Prediction]) -> Option<f64> {
    mean(task, predictions, area)
}

pub fn average_precision(task: &Task, predictions: &[Prediction]) -> Option<f64> {
    mean(task, predictions, precision_by_recall)
}

/// The Mann-Whitney statistic: the probability that a positive example ranks above a negative one, ties counting half.
fn area(ranked: &Ranked) -> Option<f64> {
    let positives = ranked.iter().filter(|(is_positive, _)| *is_positive).count();
    let negatives = ranked.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let ranks = ranks(&ranked.iter().map(|(_, probability)| *probability).collect::<Vec<_>>());
    let sum: f64 = ranked.iter().zip(ranks).filter(|((is_positive, _), _)| *is_positive).map(|(_, rank)| rank).sum();
    let (positives, negatives) = (positives as f64, negatives as f64);
    Some((sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct probabilities, the highest first.
fn precision_by_recall(ranked: &Ranked) -> Option<f64> {
    let positives = ranked.iter().filter(|(is_positive, _)| *is_positive).count();
    if positives == 0 {
        return None;
    }
    let mut order: Vec<&(bool, f64)> = ranked.iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (mut found, mut seen, mut area) = (0, 0, 0.0);
    for tied in order.chunk_by(|a, b| a.1 == b.1) {
        let new = tied.iter().filter(|(is_positive, _)| *is_positive).count();
        (found, seen) = (found + new, seen + tied.len());
        area += new as f64 / positives as f64 * (found as f64 / seen as f64);
    }
    Some(area)
}
