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
        let steps = if self.replayed == 1 { "step" } else { "steps" };
        let shapes = if self.recorded == 1 { "shape" } else { "shapes" };
        write!(f, "replayed {} {steps} from recordings of {} batch {shapes}", self.replayed, self.recorded)?;
        match (&self.why_not, self.refusals) {
            (Some(why), 0) => write!(f, "; recording stopped: {why}"),
            (Some(why), 1) => write!(f, "; 1 recording failed: {why}"),
            (Some(why), refusals) => write!(f, "; {refusals} recordings failed, the last one because {why}"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_fit_in_a_line() {
        let replays = |refusals, why: Option<&str>| Replays { recorded: 1, replayed: 7, refusals, why_not: why.map(Into::into) };
        assert_eq!(replays(0, None).to_string(), "replayed 7 steps from recordings of 1 batch shape");
        let short = replays(0, Some("too little memory is free")).to_string();
        assert_eq!(short, "replayed 7 steps from recordings of 1 batch shape; recording stopped: too little memory is free");
        let refused = replays(3, Some("no page may be added")).to_string();
        assert_eq!(
            refused,
            "replayed 7 steps from recordings of 1 batch shape; 3 recordings failed, the last one because no page may be added"
        );
    }
}
