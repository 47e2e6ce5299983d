//! The distribution of a split's values, and the errors of constant predictions that follow from it.

use serde::{Deserialize, Serialize};

use super::constant::{Constant, Guess};
use super::metrics::{Baseline, LOSS, Metric};
use super::{Example, Target};

/// Statistics of the targets of a split whose examples have a number each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueStatistics {
    pub mean: f64,
    /// Mean squared distance from the mean.
    pub variance: f64,
    /// Of an even number of values, the mean of the middle two.
    pub median: f64,
    /// Mean absolute distance from the median.
    pub deviation: f64,
}

impl ValueStatistics {
    /// Describes targets; `None` if there are none or one of them is not a number.
    #[must_use]
    pub fn of<'a>(targets: impl Iterator<Item = &'a Target>) -> Option<Self> {
        let mut values = targets.map(|target| target.value().map(f64::from)).collect::<Option<Vec<f64>>>()?;
        if values.is_empty() {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let average = |of: &dyn Fn(f64) -> f64| values.iter().map(|value| of(*value)).sum::<f64>() / count;
        let mean = average(&|value| value);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self {
            mean,
            variance: average(&|value| (value - mean).powi(2)),
            median,
            deviation: average(&|value| (value - median).abs()),
        })
    }

    /// Describes the targets of labeled examples.
    #[must_use]
    pub fn of_examples(examples: &[Example]) -> Option<Self> {
        Self::of(examples.iter().filter_map(|example| example.target.as_ref()))
    }

    /// Returns the best score of any constant prediction; `None` for metrics that are undefined for constants, as correlations are.
    #[must_use]
    pub fn constant(&self, metric: &str) -> Option<Constant> {
        let baseline = if metric == LOSS { Metric::MSE.baseline } else { Metric::named(metric)?.baseline };
        match baseline {
            Baseline::Mean => Some(Constant { guess: Guess::Mean(self.mean), score: self.variance }),
            Baseline::Median => Some(Constant { guess: Guess::Median(self.median), score: self.deviation }),
            Baseline::Class | Baseline::Shares | Baseline::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: numpy's mean, var, median, and scikit-learn's mean_absolute_error of the median.
    #[test]
    fn constants_score_what_numpy_says() {
        let of = |values: &[f32]| {
            let targets: Vec<Target> = values.iter().map(|value| Target::Value(*value)).collect();
            ValueStatistics::of(targets.iter())
        };
        let found = of(&[5.0, 0.25, 3.75, 1.0, 4.5]).unwrap();
        for (metric, guess, score) in
            [("mse", Guess::Mean(2.9), 3.665), ("loss", Guess::Mean(2.9), 3.665), ("mae", Guess::Median(3.75), 1.65)]
        {
            let constant = found.constant(metric).unwrap();
            assert_eq!(constant.guess, guess, "{metric}");
            assert!((constant.score - score).abs() < 1e-12, "{metric}: {}", constant.score);
        }
        assert_eq!(of(&[1.0, 2.0, 4.0, 8.0]).map(|found| (found.median, found.deviation)), Some((3.0, 2.25)));
        assert_eq!((found.constant("pearson"), found.constant("spearman"), of(&[])), (None, None, None));
        assert_eq!(ValueStatistics::of([Target::Class(1)].iter()), None);
    }
}
