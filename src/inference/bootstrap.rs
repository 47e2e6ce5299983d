//! Confidence intervals by the bootstrap.

use rayon::prelude::*;

use crate::random::{Purpose, Stream};
use crate::task::metrics::Metric;
use crate::task::{Prediction, Task};

/// A 95% confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval95 {
    /// The 2.5th percentile.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

/// Number of resamples.
const RESAMPLES: u64 = 2_000;

/// The percentile bootstrap over examples (Efron 1979): the metric of samples of as many predictions, drawn with replacement.
/// `None` if the metric is undefined for more than one sample in twenty.
///
/// The interval is that of the score of this model on other examples; it says nothing of other seeds.
#[must_use]
pub fn bootstrap(task: &Task, metric: Metric, predictions: &[Prediction]) -> Option<Interval95> {
    let count = predictions.len() as u64;
    if count == 0 {
        return None;
    }
    let sample = |number: u64| {
        let stream = Stream::new(0, Purpose::Bootstrap, number, 0);
        let drawn: Vec<Prediction> = (0..count).map(|place| predictions[stream.below(place, count) as usize].clone()).collect();
        (metric.score)(task, &drawn)
    };
    let mut scores: Vec<f64> = (0..RESAMPLES).into_par_iter().filter_map(sample).collect();
    if (scores.len() as u64) < RESAMPLES - RESAMPLES / 20 {
        return None;
    }
    scores.sort_by(f64::total_cmp);
    Some(Interval95 { low: percentile(&scores, 0.025), high: percentile(&scores, 0.975) })
}

/// Linear interpolation between the closest ranks of sorted values, as numpy's default.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Output, Target, glue};

    /// The accuracy of a resample is a binomial share, whose percentiles are exact: scipy.stats.binom.ppf([.025, .975], 400, .8) is
    /// [304, 335], and (…, 50, .9) is [41, 49].
    #[test]
    fn intervals_of_accuracy_are_binomial() {
        let task = glue::task("sst2").unwrap();
        for (examples, right, low, high) in [(400, 320, 304.0, 335.0), (50, 45, 41.0, 49.0)] {
            let prediction =
                |index: u32| Prediction { target: Target::Class(0), output: Output::one_hot(usize::from(index >= right), 2) };
            let predictions: Vec<Prediction> = (0..examples).map(prediction).collect();
            let interval = bootstrap(&task, Metric::ACCURACY, &predictions).unwrap();
            let total = f64::from(examples);
            assert!((interval.low * total - low).abs() <= 1.0 && (interval.high * total - high).abs() <= 1.0, "{interval:?}");
        }
    }

    #[test]
    fn a_metric_that_is_mostly_undefined_has_no_interval() {
        let task = glue::task("mrpc").unwrap();
        let prediction = |class| Prediction { target: Target::Class(class), output: Output::one_hot(0, 2) };
        assert_eq!(bootstrap(&task, Metric::ROC_AUC, &[prediction(0), prediction(1)]), None);
        assert_eq!(bootstrap(&task, Metric::ACCURACY, &[]), None);
    }
}
