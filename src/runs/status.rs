//! How a run stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a run stands, as `run.json` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A process trains it.
    Running,
    /// All steps were taken.
    Finished,
    /// Somebody asked it to stop; everything was saved.
    Interrupted,
    /// A sweep stopped it early.
    Pruned,
    /// An error ended it.
    Failed,
    /// The loss or the gradient was no longer finite.
    Diverged,
    /// The memory did not suffice.
    #[serde(rename = "out of memory")]
    OutOfMemory,
    /// Its process ended without a word.
    Died,
}

impl Status {
    /// As `run.json` spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::Diverged => "diverged",
            Self::OutOfMemory => "out of memory",
            Self::Died => "died",
        }
    }

    /// Whether it went as far as it should: nothing of it is left to train.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Pruned)
    }

    /// Whether going on from its newest state could bring it to its end. What diverged would diverge again.
    #[must_use]
    pub const fn can_resume(self) -> bool {
        matches!(self, Self::Interrupted | Self::Failed | Self::OutOfMemory | Self::Died)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_run_json() {
        use Status::{Died, Diverged, Failed, Finished, Interrupted, OutOfMemory, Pruned, Running};
        for status in [Running, Finished, Interrupted, Pruned, Failed, Diverged, OutOfMemory, Died] {
            let json = format!("\"{}\"", status.name());
            assert_eq!(serde_json::to_string(&status).unwrap(), json);
            assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
        }
    }
}
