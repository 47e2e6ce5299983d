//! The recorder's part of a saved state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::manifest::Stays;
use super::metrics::Lengths;
use super::summary::Moment;

/// What a recorder knows about its run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    pub(super) best: Option<Moment>,
    pub(super) last: Option<Moment>,
    /// Steps whose checkpoints are kept, in order.
    pub(super) checkpoints: Vec<u64>,
    pub(super) totals: Totals,
    /// Time from the first step to the last, including evaluations.
    pub(super) duration: Duration,
    pub(super) lengths: Lengths,
}

impl Recorded {
    /// The parts of the run that remain as they are now, including these states.
    #[must_use]
    pub fn stays<'a>(&'a self, states: &'a [u64]) -> Stays<'a> {
        Stays { tables: self.lengths.by_name(), checkpoints: &self.checkpoints, states }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Totals {
    pub(super) steps: u64,
    pub(super) examples: u64,
    pub(super) tokens: u64,
    pub(super) training: Duration,
}
