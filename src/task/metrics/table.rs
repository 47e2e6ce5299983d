//! The table of all metrics.

use super::classification::{self, Average, Rate};
use super::{Baseline, Direction, Metric, calibration, ranking, regression};
use crate::task::Head;

const UNIT: (f64, f64) = (0.0, 1.0);
const CORRELATION: (f64, f64) = (-1.0, 1.0);
const NONNEGATIVE: (f64, f64) = (0.0, f64::INFINITY);

fn classes(head: &Head) -> bool {
    matches!(head, Head::Classes(_))
}

fn two_classes(head: &Head) -> bool {
    matches!(head, Head::Classes(classes) if classes.len() == 2)
}

fn classes_or_labels(head: &Head) -> bool {
    !matches!(head, Head::Value)
}

fn value(head: &Head) -> bool {
    matches!(head, Head::Value)
}

/// A metric of decided classes or labels, from 0 to 1.
const fn decided(
    name: &'static str,
    fits: fn(&Head) -> bool,
    score: fn(&crate::task::Task, &[crate::task::Prediction]) -> Option<f64>,
) -> Metric {
    Metric { name, direction: Direction::Maximize, range: UNIT, baseline: Baseline::Class, of_probabilities: false, fits, score }
}

impl Metric {
    /// Share of examples whose class is predicted; of several labels, the share whose labels are all predicted. scikit-learn's
    /// `accuracy_score`.
    pub const ACCURACY: Self = decided("accuracy", classes_or_labels, classification::accuracy);

    /// Harmonic mean of precision and recall of the positive class, by default the second one: scikit-learn's `f1_score`, 0
    /// where neither labels nor predictions contain that class.
    pub const F1: Self = decided("f1", two_classes, |task, all| classification::binary(task, all, Rate::F1));

    /// Share of the examples predicted as positive that are.
    pub const PRECISION: Self = decided("precision", two_classes, |task, all| classification::binary(task, all, Rate::Precision));

    /// Share of the positive examples that are predicted as such.
    pub const RECALL: Self = decided("recall", two_classes, |task, all| classification::binary(task, all, Rate::Recall));

    /// Matthews correlation coefficient, for any number of classes: scikit-learn's `matthews_corrcoef`, 0 where labels or
    /// predictions are all of one class.
    pub const MATTHEWS: Self = Self { range: CORRELATION, ..decided("matthews", classes, classification::matthews) };

    /// Pearson's correlation of predicted and true values; undefined where either are all the same.
    pub const PEARSON: Self = Self {
        name: "pearson",
        direction: Direction::Maximize,
        range: CORRELATION,
        baseline: Baseline::None,
        of_probabilities: false,
        fits: value,
        score: |_, all| regression::pearson(all),
    };

    /// Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
    pub const SPEARMAN: Self = Self { name: "spearman", score: |_, all| regression::spearman(all), ..Self::PEARSON };

    /// Mean squared error.
    pub const MSE: Self = Self {
        name: "mse",
        direction: Direction::Minimize,
        range: NONNEGATIVE,
        baseline: Baseline::Mean,
        score: |_, all| regression::mse(all),
        ..Self::PEARSON
    };

    /// Mean absolute error.
    pub const MAE: Self = Self { name: "mae", baseline: Baseline::Median, score: |_, all| regression::mae(all), ..Self::MSE };

    /// Area under the ROC curve: of the positive class for two classes, the mean over classes (each against the rest) for
    /// more, the mean over labels for several. Undefined where a class or its complement does not occur.
    pub const ROC_AUC: Self = Self {
        name: "roc_auc",
        direction: Direction::Maximize,
        range: UNIT,
        baseline: Baseline::Shares,
        of_probabilities: true,
        fits: classes_or_labels,
        score: ranking::roc_auc,
    };

    /// Average precision, averaged as [`Self::ROC_AUC`]. Undefined where a class does not occur.
    pub const AVERAGE_PRECISION: Self = Self { name: "average_precision", score: ranking::average_precision, ..Self::ROC_AUC };

    /// Mean of minus the logarithm of the true class's probability, natural logarithms, probabilities at least 2⁻⁵²:
    /// scikit-learn's `log_loss`.
    pub const LOG_LOSS: Self = Self {
        name: "log_loss",
        direction: Direction::Minimize,
        range: NONNEGATIVE,
        baseline: Baseline::Shares,
        of_probabilities: true,
        fits: classes,
        score: |_, all| calibration::log_loss(all),
    };

    /// Brier score: the mean of the squared distance between the probabilities and the true class's, halved for two classes;
    /// scikit-learn's `brier_score_loss`.
    pub const BRIER: Self = Self { name: "brier", range: (0.0, 2.0), score: |_, all| calibration::brier(all), ..Self::LOG_LOSS };

    /// Expected calibration error over 15 bins of equal width of the top class's probability.
    pub const ECE: Self =
        Self { name: "ece", range: UNIT, baseline: Baseline::None, score: |_, all| calibration::ece(all), ..Self::LOG_LOSS };

    /// Mean of the task's other metrics, undefined where one of them is: run_glue's `combined_score`.
    pub const COMBINED: Self = Self {
        name: "combined",
        direction: Direction::Maximize,
        range: CORRELATION,
        baseline: Baseline::Class,
        // As soon as one of the others does.
        of_probabilities: true,
        fits: |_| true,
        score: |task, all| {
            let others = task.metrics.iter().filter(|metric| metric.name != "combined");
            let scores = others.map(|metric| (metric.score)(task, all)).collect::<Option<Vec<f64>>>()?;
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        },
    };
}

/// A rate averaged over classes or labels.
macro_rules! averaged {
    ($name:literal, $average:ident, $rate:ident) => {
        decided($name, classes_or_labels, |task, all| classification::averaged(task, all, Rate::$rate, Average::$average))
    };
}

/// Every metric, in the order of the manual.
pub static ALL: &[Metric] = &[
    Metric::ACCURACY,
    Metric::F1,
    Metric::PRECISION,
    Metric::RECALL,
    averaged!("macro_f1", Macro, F1),
    averaged!("macro_precision", Macro, Precision),
    averaged!("macro_recall", Macro, Recall),
    averaged!("micro_f1", Micro, F1),
    averaged!("micro_precision", Micro, Precision),
    averaged!("micro_recall", Micro, Recall),
    averaged!("weighted_f1", Weighted, F1),
    averaged!("weighted_precision", Weighted, Precision),
    averaged!("weighted_recall", Weighted, Recall),
    Metric::MATTHEWS,
    Metric::ROC_AUC,
    Metric::AVERAGE_PRECISION,
    Metric::PEARSON,
    Metric::SPEARMAN,
    Metric::MSE,
    Metric::MAE,
    Metric::LOG_LOSS,
    Metric::BRIER,
    Metric::ECE,
    Metric::COMBINED,
];
