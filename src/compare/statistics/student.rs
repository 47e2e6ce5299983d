//! Student's t distribution.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Returns the probability that |t| is at least this large by chance, with these degrees of freedom.
pub(super) fn two_sided_p(t: f64, freedom: f64) -> Option<f64> {
    if t.is_infinite() {
        return Some(0.0);
    }
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some((2.0 * distribution.sf(t.abs())).min(1.0))
}

/// Returns the t that is exceeded with a probability of 2.5%.
pub(super) fn quantile_975(freedom: f64) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    // The distribution's own inverse is accurate to fewer digits than its tail: three steps of Newton's method fix that.
    let mut t = distribution.inverse_cdf(0.975);
    for _ in 0..3 {
        use statrs::distribution::Continuous;
        t += (distribution.sf(t) - 0.025) / distribution.pdf(t);
    }
    Some(t)
}
