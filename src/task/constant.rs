//! The score of the same prediction for every example: what a model has to beat.

use super::Head;
use super::metrics::Direction;

/// What is predicted for every example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Guess {
    /// A class.
    Class(usize),
    /// The share of each class as its probability.
    Shares,
    /// The mean of all targets, which minimizes squared errors.
    Mean(f64),
    /// The median of all targets, which minimizes absolute errors.
    Median(f64),
}

impl Guess {
    /// Names it: `equivalent`, `the share of each label`, `the mean`.
    #[must_use]
    pub fn name(self, head: &Head) -> &str {
        match self {
            Self::Class(class) => head.labels().get(class).map_or("", String::as_str),
            Self::Shares => "the share of each label",
            Self::Mean(_) => "the mean",
            Self::Median(_) => "the median",
        }
    }
}

/// The best score that a constant prediction can reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    pub guess: Guess,
    pub score: f64,
}

impl Constant {
    /// Whether `score` is better than this one, beyond rounding errors.
    #[must_use]
    pub fn is_beaten_by(&self, score: f64, direction: Direction) -> bool {
        direction.improves(score, self.score) && (score - self.score).abs() > 1e-9
    }
}
