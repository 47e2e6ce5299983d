//! McNemar's exact test (McNemar 1947) of two classifiers on the same examples.

use statrs::distribution::{Binomial, DiscreteCDF};

/// The two-sided p-value where `first` examples are right by the first alone, and `second` by the second alone.
#[must_use]
pub fn mcnemar(first: u64, second: u64) -> f64 {
    let n = first + second;
    match Binomial::new(0.5, n) {
        Ok(distribution) if n > 0 => (2.0 * distribution.cdf(first.min(second))).min(1.0),
        _ => 1.0,
    }
}
