//! The status of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of a run, as recorded in `run.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A process is training it.
    Running,
    /// All steps are done.
    Finished,
    /// The user stopped it; everything was saved.
    Interrupted,
    /// A sweep stopped it early.
    Pruned,
    /// An error ended it.
    Failed,
    /// The loss or the gradient was not finite.
    Diverged,
    /// There was not enough memory.
    #[serde(rename = "out of memory")]
    OutOfMemory,
    /// Its process ended without recording an outcome.
    Died,
}

impl Status {
    /// The name used in `run.json`.
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

    /// Whether the run has done all the training it should.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Pruned)
    }

    /// Whether resuming from the newest state could complete the run. A diverged run would diverge again.
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
