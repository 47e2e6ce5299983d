//! Sweeps: from axes to trials, and the trials run, each in a process of its own.
//!
//! ```text
//! [sweep] ─► space ─► grid | random ─► expand ─► plan (frozen: plan.jsonl)
//! plan ─► queue ─► drive ─► children ─► runs below the sweep's directory
//! ```

mod at_once;
mod children;
mod directory;
mod drive;
mod expand;
mod grid;
mod ladder;
mod plan;
mod prune;
mod queue;
mod random;
mod space;

pub use at_once::{Jobs, Pilot};
pub use children::{Children, Told, Workers};
pub use directory::{Found, SweepDirectory, SweepFacts, is_sweep};
pub use drive::{Audience, Crew, Driven, Ending, Manner, News, Progress, Why, drive};
pub use expand::expand;
pub use grid::grid;
pub use ladder::Ladder;
pub use plan::{Changes, PlannedTrial, Work};
pub use prune::{goes_on, rungs};
pub use queue::{Next, State, next};
pub use random::random;
pub use space::{Dimension, Space};
