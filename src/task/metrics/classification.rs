//! Metrics of decided classes and labels.

use super::confusion::{ConfusionMatrix, Counts, counts};
use crate::task::{Prediction, Target, Task};

/// What is counted of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Precision,
    Recall,
    F1,
}

/// How rates of several classes become one number, as in scikit-learn's `average=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The mean over classes.
    Macro,
    /// The rate of the summed counts.
    Micro,
    /// The mean over classes, weighted by the number of examples of each.
    Weighted,
}

impl Rate {
    fn of(self, counts: Counts) -> f64 {
        match self {
            Self::Precision => counts.precision(),
            Self::Recall => counts.recall(),
            Self::F1 => counts.f1(),
        }
    }
}

pub fn accuracy(_: &Task, predictions: &[Prediction]) -> Option<f64> {
    let is_right = |prediction: &&Prediction| match &prediction.target {
        Target::Class(class) => *class as usize == prediction.output.class(),
        Target::Labels(labels) => labels.iter().copied().eq(prediction.output.decided_labels()),
        Target::Value(_) => false,
    };
    let right = predictions.iter().filter(is_right).count();
    (!predictions.is_empty()).then(|| right as f64 / predictions.len() as f64)
}

/// The rate of the positive class.
pub fn binary(task: &Task, predictions: &[Prediction], rate: Rate) -> Option<f64> {
    let counts = counts(&task.head, predictions).filter(|_| !predictions.is_empty())?;
    counts.get(task.positive()).map(|counts| rate.of(*counts))
}

/// A rate averaged over classes or labels. As in scikit-learn, a class counts only if it occurs among the labels or the
/// predictions; a label always counts.
pub fn averaged(task: &Task, predictions: &[Prediction], rate: Rate, average: Average) -> Option<f64> {
    let is_one_of_several = matches!(task.head, crate::task::Head::Classes(_));
    let mut counts = counts(&task.head, predictions).filter(|_| !predictions.is_empty())?;
    counts.retain(|counts| !is_one_of_several || !counts.is_absent());
    let total = counts.len() as f64;
    match average {
        Average::Macro => Some(counts.iter().map(|counts| rate.of(*counts)).sum::<f64>() / total),
        Average::Micro => {
            let sum = |sum: Counts, counts: &Counts| Counts {
                true_positives: sum.true_positives + counts.true_positives,
                false_positives: sum.false_positives + counts.false_positives,
                false_negatives: sum.false_negatives + counts.false_negatives,
            };
            Some(rate.of(counts.iter().fold(Counts::default(), sum)))
        }
        Average::Weighted => {
            let support: usize = counts.iter().map(|counts| counts.support()).sum();
            let weighted: f64 = counts.iter().map(|counts| rate.of(*counts) * counts.support() as f64).sum();
            (support > 0).then(|| weighted / support as f64)
        }
    }
}

/// (c·s − Σ pₖtₖ) / √((s² − Σ pₖ²)(s² − Σ tₖ²)) over s examples of which c are right, with tₖ examples and pₖ predictions of
/// class k (Gorodkin 2004).
pub fn matthews(task: &Task, predictions: &[Prediction]) -> Option<f64> {
    let matrix = ConfusionMatrix::of(&task.head, predictions).filter(|_| !predictions.is_empty())?;
    let classes = matrix.labels.len();
    let truth: Vec<f64> = matrix.counts.iter().map(|row| row.iter().sum::<usize>() as f64).collect();
    let predicted: Vec<f64> =
        (0..classes).map(|class| matrix.counts.iter().map(|row| row[class]).sum::<usize>() as f64).collect();
    let right = (0..classes).map(|class| matrix.counts[class][class]).sum::<usize>() as f64;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let all = predictions.len() as f64;
    let covariance = right * all - dot(&truth, &predicted);
    let (of_truth, of_predicted) = (all * all - dot(&truth, &truth), all * all - dot(&predicted, &predicted));
    Some(if of_truth * of_predicted == 0.0 { 0.0 } else { covariance / (of_truth * of_predicted).sqrt() })
}
