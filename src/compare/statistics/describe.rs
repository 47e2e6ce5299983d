//! Descriptive statistics of scores.

use serde::Serialize;

use super::student::quantile_975;

/// Minimum number of scores for an interval; with fewer, it says more about Student's t than about the scores.
pub const FEWEST_FOR_INTERVAL: usize = 3;

/// Location and spread of scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// Number of scores.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); `None` for a single score.
    pub sd: Option<f64>,
    /// 95% confidence interval of the mean by Student's t; `None` for fewer than [`FEWEST_FOR_INTERVAL`] scores.
    pub interval: Option<(f64, f64)>,
    /// Middle score, or the mean of the two middle ones.
    pub median: f64,
    /// Smallest score.
    pub min: f64,
    /// Largest score.
    pub max: f64,
}

impl Description {
    /// Describes scores; `None` if there are none.
    #[must_use]
    pub fn of(scores: &[f64]) -> Option<Self> {
        let mut sorted = scores.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (n, min, max) = (sorted.len(), *sorted.first()?, *sorted.last()?);
        let median = f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]);
        let mean = mean(scores);
        let sd = deviation(scores);
        let interval = sd.filter(|_| n >= FEWEST_FOR_INTERVAL).and_then(|sd| {
            let half = quantile_975(n as f64 - 1.0)? * sd / (n as f64).sqrt();
            Some((mean - half, mean + half))
        });
        Some(Self { n, mean, sd, interval, median, min, max })
    }

    /// Clips the interval to `range`, outside of which neither scores nor their mean can lie. The clipped interval covers
    /// the mean as often as before.
    #[must_use]
    pub fn within(self, range: (f64, f64)) -> Self {
        Self { interval: self.interval.map(|interval| cut(interval, range)), ..self }
    }
}

pub(super) fn cut(interval: (f64, f64), range: (f64, f64)) -> (f64, f64) {
    (interval.0.clamp(range.0, range.1), interval.1.clamp(range.0, range.1))
}

/// Returns the arithmetic mean; NaN for no values.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the sample standard deviation; `None` for fewer than two values.
pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let freedom = values.len().checked_sub(1).filter(|freedom| *freedom > 0)?;
    // Equal values have no spread, which rounding errors in the mean would hide.
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        return Some(0.0);
    }
    let mean = mean(values);
    Some((values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom as f64).sqrt())
}
