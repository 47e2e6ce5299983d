//! What a test of a difference shows, in a sentence.

use crate::compare::statistics::{Difference, Method};
use crate::numbers::p_value;
use crate::task::metrics::Direction;

/// The significance level that the sentences use.
pub(super) const LEVEL: f64 = 0.05;

/// A difference between a variant and the reference.
pub(super) struct Tested<'a> {
    pub rival: &'a str,
    pub reference: &'a str,
    /// What differs, such as the name of a metric.
    pub metric: &'a str,
    pub direction: Direction,
    pub difference: &'a Difference,
    pub adjusted_p: Option<f64>,
    /// Number of comparisons that the p-value is adjusted for.
    pub comparisons: usize,
}

impl Tested<'_> {
    /// Returns whether both scored the same. Two equal means may differ by rounding.
    pub fn is_same(&self) -> bool {
        self.difference.mean.abs() < 1e-12
    }

    /// Returns a sentence, after a blank, if the interval seems to say something else than the p-value.
    pub fn caveat(&self) -> &'static str {
        let excludes_zero = self.difference.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0);
        if !excludes_zero || self.is_same() || self.adjusted_p.is_none_or(|p| p <= LEVEL) {
            return "";
        }
        match (self.difference.method, self.comparisons) {
            (Method::SignFlip | Method::Permutation, ..2) => {
                " The interval assumes normally distributed scores; the p-value does not."
            }
            _ => " The interval is for this comparison alone; the p-value is corrected for all of them.",
        }
    }

    pub fn sentence(&self) -> String {
        let Self { rival, reference, metric, difference, .. } = self;
        let is_better = self.direction.improves(difference.mean, 0.0);
        let word = if is_better { "better" } else { "worse" };
        let lower = if self.direction == Direction::Minimize { ", lower is better" } else { "" };
        let mut figures = vec![format!("{:+.4} {metric}{lower}", difference.mean)];
        figures.extend(difference.interval.map(|(low, high)| format!("95% CI {low:+.4} to {high:+.4}")));
        if let Some(p) = self.adjusted_p {
            let of = self.comparisons;
            figures.push(if of > 1 { format!("{}, adjusted for {of} comparisons", p_text(p)) } else { p_text(p) });
        }
        let figures = figures.join(", ");
        match self.adjusted_p {
            _ if self.is_same() => format!("{rival} scored the same as {reference} ({figures})."),
            Some(p) if p <= LEVEL => format!("{rival} scored {word} than {reference} ({figures})."),
            Some(_) => format!("No evidence that {rival} differs from {reference} ({figures})."),
            None => {
                format!("{rival} scored {word} than {reference} ({figures}); so few seeds cannot show whether that is chance.")
            }
        }
    }
}

/// Formats a p-value for a sentence: `p = 0.031`, `p < 0.001`.
fn p_text(p: f64) -> String {
    let text = p_value(p);
    if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") }
}
