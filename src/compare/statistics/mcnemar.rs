//! McNemar's exact test (McNemar 1947) for two classifiers on the same examples.

use statrs::distribution::{Binomial, DiscreteCDF};

/// Returns the two-sided p-value if only the first classifier is right on `first` examples, and only the second on `second`.
#[must_use]
pub fn mcnemar(first: u64, second: u64) -> f64 {
    let n = first + second;
    match Binomial::new(0.5, n) {
        Ok(distribution) if n > 0 => (2.0 * distribution.cdf(first.min(second))).min(1.0),
        _ => 1.0,
    }
}
