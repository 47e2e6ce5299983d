//! Tests for a difference between two lists of scores.

use serde::Serialize;

use super::describe::{FEWEST_FOR_INTERVAL, cut, deviation, mean};
use super::student::{quantile_975, two_sided_p};

/// How a p-value was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Exact test over every assignment of signs to the paired differences (Fisher 1935).
    SignFlip,
    /// Student's t-test on the paired differences.
    PairedT,
    /// Welch's t-test on two independent samples (Welch 1947).
    Welch,
    /// Exact test over every assignment of the scores to two independent samples (Fisher 1935), for samples without the
    /// spread that Welch's t needs.
    Permutation,
}

/// A difference of means, the second list minus the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The difference.
    pub mean: f64,
    /// Its 95% confidence interval by Student's t; `None` without spread, or with fewer than [`FEWEST_FOR_INTERVAL`] pairs
    /// or scores in either sample.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p-value, if there is one.
    pub p: Option<f64>,
    /// How the p-value was computed.
    pub method: Method,
    /// Number of pairs, or size of the smaller sample.
    pub n: usize,
}

impl Difference {
    /// Clips the interval to what is possible for scores between `low` and `high`.
    #[must_use]
    pub fn within(self, (low, high): (f64, f64)) -> Self {
        Self { interval: self.interval.map(|interval| cut(interval, (low - high, high - low))), ..self }
    }
}

/// Maximum number of pairs for which every assignment of signs is tried.
pub const MOST_EXACT: usize = 12;

/// Means that are mathematically equal may differ by rounding, up to this fraction of the largest score.
const ROUNDING: f64 = 1e-12;

/// Returns the smallest p-value possible with this many pairs, if the test is exact.
#[must_use]
pub fn smallest_exact_p(pairs: usize) -> Option<f64> {
    (1..=MOST_EXACT).contains(&pairs).then(|| one_sided_signs(pairs))
}

/// Returns the fraction of sign assignments that give all of `pairs` differences the same sign.
fn one_sided_signs(pairs: usize) -> f64 {
    2.0_f64.powi(1 - i32::try_from(pairs).unwrap_or(i32::MAX))
}

/// Tests the differences `b - a` of pairs; `None` without pairs.
#[must_use]
pub fn paired(pairs: &[(f64, f64)]) -> Option<Difference> {
    let n = pairs.len();
    if n == 0 {
        return None;
    }
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let difference = mean(&differences);
    let rounding = ROUNDING * pairs.iter().map(|(a, b)| a.abs().max(b.abs())).fold(0.0, f64::max);
    let error = deviation(&differences).map(|sd| sd / (n as f64).sqrt()).filter(|error| *error > rounding);
    let interval = error.filter(|_| n >= FEWEST_FOR_INTERVAL).and_then(|error| {
        let half = quantile_975(n as f64 - 1.0)? * error;
        Some((difference - half, difference + half))
    });
    let (p, method) = match error {
        _ if n <= MOST_EXACT => (Some(sign_flip_p(&differences)), Method::SignFlip),
        Some(error) => (two_sided_p(difference / error, n as f64 - 1.0), Method::PairedT),
        // Equal differences have no spread for Student's t; only assignments with all signs equal have a sum as far from 0.
        None => (Some(if difference.abs() <= rounding { 1.0 } else { one_sided_signs(n) }), Method::SignFlip),
    };
    Some(Difference { mean: difference, interval, p, method, n })
}

/// Returns the fraction of sign assignments whose sum is at least as far from 0 as the observed one.
fn sign_flip_p(differences: &[f64]) -> f64 {
    let seen = differences.iter().sum::<f64>().abs();
    // Sums that are mathematically equal may differ in their last bits.
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    let threshold = seen - 1e-12 * scale;
    let assignments = 1_u32 << differences.len();
    let sum =
        |signs: u32| -> f64 { differences.iter().enumerate().map(|(i, d)| if signs >> i & 1 == 1 { -d } else { *d }).sum() };
    let extreme = (0..assignments).filter(|signs| sum(*signs).abs() >= threshold).count();
    extreme as f64 / f64::from(assignments)
}

/// Tests the difference of two independent samples' means, `b - a`; `None` if either is empty.
#[must_use]
pub fn welch(a: &[f64], b: &[f64]) -> Option<Difference> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let difference = mean(b) - mean(a);
    let variance = |values: &[f64]| deviation(values).map(|sd| sd * sd / values.len() as f64);
    let (va, vb) = (variance(a), variance(b));
    let rounding = ROUNDING * a.iter().chain(b).map(|score| score.abs()).fold(0.0, f64::max);
    let spread = va.zip(vb).filter(|(va, vb)| (va + vb).sqrt() > rounding);
    let error_and_freedom = spread.map(|(va, vb)| {
        // Welch–Satterthwaite.
        let freedom = (va + vb).powi(2) / (va * va / (a.len() as f64 - 1.0) + vb * vb / (b.len() as f64 - 1.0));
        ((va + vb).sqrt(), freedom)
    });
    let smaller = a.len().min(b.len());
    let interval = error_and_freedom.filter(|_| smaller >= FEWEST_FOR_INTERVAL).and_then(|(error, freedom)| {
        let half = quantile_975(freedom)? * error;
        Some((difference - half, difference + half))
    });
    let (p, method) = match error_and_freedom {
        Some((error, freedom)) => (two_sided_p(difference / error, freedom), Method::Welch),
        None if smaller < 2 => (None, Method::Welch),
        None if difference.abs() <= rounding => (Some(1.0), Method::Permutation),
        None => (Some(separated_p(a.len(), b.len())), Method::Permutation),
    };
    Some(Difference { mean: difference, interval, p, method, n: smaller })
}

/// Returns the fraction of assignments to two samples of these sizes that separate the scores in the same way: the observed
/// one and, for equal sizes, its mirror image.
fn separated_p(a: usize, b: usize) -> f64 {
    // 1 / C(a + b, a), factor by factor.
    let one = (1..=a).map(|k| k as f64 / (b + k) as f64).product::<f64>();
    if a == b { 2.0 * one } else { one }
}
