//! What there is to say of recorded steps.

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
