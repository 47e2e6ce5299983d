//! Statistics about recorded steps.

use std::fmt;

/// How many steps of a training run were replays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replays {
    /// Number of batch shapes with a recorded step.
    pub recorded: usize,
    /// Number of steps that were replays.
    pub replayed: u64,
    /// Number of times the GPU refused to record.
    pub refusals: usize,
    /// Why recording failed or stopped most recently.
    pub why_not: Option<String>,
}

impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = if self.replayed == 1 { "step was a replay" } else { "steps were replays" };
        let shapes = if self.recorded == 1 { "shape" } else { "shapes" };
        write!(f, "{} {steps} of {} recorded {shapes}", self.replayed, self.recorded)?;
        match (&self.why_not, self.refusals) {
            (Some(why), 0) => write!(f, "; no more were recorded: {why}"),
            (Some(why), refusals) => write!(f, "; the GPU refused to record another, {} in all: {why}", times(refusals)),
            (None, _) => Ok(()),
        }
    }
}

fn times(number: usize) -> String {
    if number == 1 { "once".into() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_told_in_a_line() {
        let replays = |refusals, why: Option<&str>| Replays { recorded: 1, replayed: 7, refusals, why_not: why.map(Into::into) };
        assert_eq!(replays(0, None).to_string(), "7 steps were replays of 1 recorded shape");
        let short = replays(0, Some("too little memory is free")).to_string();
        assert_eq!(short, "7 steps were replays of 1 recorded shape; no more were recorded: too little memory is free");
        let refused = replays(3, Some("no page may be added")).to_string();
        assert_eq!(
            refused,
            "7 steps were replays of 1 recorded shape; the GPU refused to record another, 3 times in all: no page may be added"
        );
    }
}
