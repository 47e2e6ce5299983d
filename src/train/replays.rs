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

impl Replays {
    /// Counts a refusal, with the error that the runtime gave.
    #[cfg(any(feature = "gpu", test))]
    pub fn count_refusal(&mut self, error: &str) {
        self.refusals += 1;
        // The runtime prints the root cause last, followed by backtraces or the lack of them.
        let causes = error.split("Backtrace:").next().unwrap_or_default();
        let cause = causes.lines().map(str::trim).rfind(|line| !line.is_empty() && *line != "No backtrace available");
        self.why_not = cause.map(String::from);
    }
}

impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = if self.replayed == 1 { "step" } else { "steps" };
        let shapes = if self.recorded == 1 { "shape" } else { "shapes" };
        write!(f, "replayed {} {steps} from recordings of {} batch {shapes}", self.replayed, self.recorded)?;
        match (&self.why_not, self.refusals) {
            (Some(why), 0) => write!(f, "; recording stopped: {why}"),
            (Some(why), 1) => write!(f, "; 1 recording failed: {why}"),
            (Some(why), refusals) => write!(f, "; {refusals} recordings failed, the last one: {why}"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_cause_of_a_refusal_is_told() {
        let error = "An error happened during execution\nCaused by:\n  An IO error happened\nCaused by:\n  \
                     No room for 4718592 bytes in the memory held\nNo backtrace available\nBacktrace:\nNo backtrace available";
        let mut replays = Replays::default();
        replays.count_refusal(error);
        assert_eq!(replays.why_not.as_deref(), Some("No room for 4718592 bytes in the memory held"));
        replays.count_refusal("the driver does not record");
        assert_eq!((replays.refusals, replays.why_not.as_deref()), (2, Some("the driver does not record")));
    }

    #[test]
    fn they_fit_in_a_line() {
        let replays = |refusals, why: Option<&str>| Replays { recorded: 1, replayed: 7, refusals, why_not: why.map(Into::into) };
        assert_eq!(replays(0, None).to_string(), "replayed 7 steps from recordings of 1 batch shape");
        let short = replays(0, Some("too little memory is free")).to_string();
        assert_eq!(short, "replayed 7 steps from recordings of 1 batch shape; recording stopped: too little memory is free");
        let refused = replays(3, Some("no page may be added")).to_string();
        assert_eq!(
            refused,
            "replayed 7 steps from recordings of 1 batch shape; 3 recordings failed, the last one: no page may be added"
        );
    }
}
