//! What there is to say of recorded steps.

use std::fmt;

/// How many steps of a training were replays of recorded ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replays {
    /// Shapes of batches whose step was recorded.
    pub recorded: usize,
    /// Steps that were replays.
    pub replayed: u64,
    /// Why no more were recorded, where the GPU refused.
    pub refused: Option<String>,
}

impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = if self.replayed == 1 { "step was a replay" } else { "steps were replays" };
        let shapes = if self.recorded == 1 { "shape" } else { "shapes" };
        write!(f, "{} {steps} of {} recorded {shapes}", self.replayed, self.recorded)?;
        match &self.refused {
            Some(why) => write!(f, "; no more were recorded: {why}"),
            None => Ok(()),
        }
    }
}
