//! Whether two lists of scores differ.

use serde::Serialize;

use super::describe::{deviation, mean};
use super::student::{quantile_975, two_sided_p};

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Every assignment of signs to the paired differences (Fisher 1935).
    SignFlip,
    /// Student's t of the paired differences.
    PairedT,
    /// Welch's t of two independent samples (Welch 1947).
    Welch,
}

/// A difference of means, the second list minus the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The difference.
    pub mean: f64,
    /// Its 95 % interval by Student's t, where there is a spread to derive it from.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p-value, where there is one.
    pub p: Option<f64>,
    /// How it was found.
    pub method: Method,
    /// Pairs, or the smaller sample.
    pub n: usize,
}

/// Up to this many pairs every assignment of signs is tried.
pub const SMALLEST_EXACT: usize = 12;

/// The smallest p-value that so many pairs can give, where it is exact.
#[must_use]
pub fn smallest_exact_p(pairs: usize) -> Option<f64> {
    (1..=SMALLEST_EXACT).contains(&pairs).then(|| 2.0 / (1_u64 << pairs) as f64)
}

/// The differences `b - a` of pairs; none without pairs.
#[must_use]
pub fn paired(pairs: &[(f64, f64)]) -> Option<Difference> {
    let n = pairs.len();
    if n == 0 {
        return None;
    }
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let difference = mean(&differences);
    // Differences that are equal on paper may differ in their last bits.
    let rounding = 1e-12 * pairs.iter().map(|(a, b)| a.abs().max(b.abs())).fold(0.0, f64::max);
    let error = deviation(&differences).map(|sd| sd / (n as f64).sqrt()).filter(|error| *error > rounding);
    let interval = error.and_then(|error| {
        let half = quantile_975(n as f64 - 1.0)? * error;
        Some((difference - half, difference + half))
    });
    let (p, method) = if n <= SMALLEST_EXACT {
        (Some(sign_flip_p(&differences)), Method::SignFlip)
    } else {
        (error.and_then(|error| two_sided_p(difference / error, n as f64 - 1.0)), Method::PairedT)
    };
    Some(Difference { mean: difference, interval, p, method, n })
}

/// The share of sign assignments whose sum is at least as far from 0 as the one that was seen.
fn sign_flip_p(differences: &[f64]) -> f64 {
    let seen = differences.iter().sum::<f64>().abs();
    // Sums that are equal on paper may differ in their last bits.
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    let threshold = seen - 1e-12 * scale;
    let assignments = 1_u32 << differences.len();
    let sum =
        |signs: u32| -> f64 { differences.iter().enumerate().map(|(i, d)| if signs >> i & 1 == 1 { -d } else { *d }).sum() };
    let extreme = (0..assignments).filter(|signs| sum(*signs).abs() >= threshold).count();
    extreme as f64 / f64::from(assignments)
}

/// The difference of two independent samples' means, `b - a`; none where one is empty.
#[must_use]
pub fn welch(a: &[f64], b: &[f64]) -> Option<Difference> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let difference = mean(b) - mean(a);
    let variance = |values: &[f64]| deviation(values).map(|sd| sd * sd / values.len() as f64);
    let (va, vb) = (variance(a), variance(b));
    let spread = va.zip(vb).filter(|(va, vb)| va + vb > 0.0);
    let error_and_freedom = spread.map(|(va, vb)| {
        // Welch–Satterthwaite.
        let freedom = (va + vb).powi(2) / (va * va / (a.len() as f64 - 1.0) + vb * vb / (b.len() as f64 - 1.0));
        ((va + vb).sqrt(), freedom)
    });
    let interval = error_and_freedom.and_then(|(error, freedom)| {
        let half = quantile_975(freedom)? * error;
        Some((difference - half, difference + half))
    });
    let p = error_and_freedom.and_then(|(error, freedom)| two_sided_p(difference / error, freedom));
    Some(Difference { mean: difference, interval, p, method: Method::Welch, n: a.len().min(b.len()) })
}
