//! Sweeps: from axes to trials, and the trials run, each in a process of its own.
//!
//! ```text
//! [sweep] ─► space ─► grid | random ─► expand ─► plan (frozen: plan.jsonl)
//! plan ─► join (under the gate): a sweep's directory ─► queue ─► drive ─► children ─► runs below it
//! ```

mod at_once;
mod children;
mod claim;
mod counts;
mod directory;
mod drive;
mod expand;
mod extend;
mod gate;
mod grid;
mod join;
mod ladder;
mod meant;
mod mend;
mod moved;
mod plan;
mod prune;
mod queue;
mod random;
mod space;
mod verify;

pub use at_once::{Jobs, Pilot};
pub use children::{Children, Told, Workers};
pub use claim::FileClaim;
pub use counts::Counts;
pub use directory::{FORMAT, Inventory, SweepDirectory, SweepFacts, is_sweep};
pub use drive::{Audience, Crew, Driven, Ending, Manner, News, Progress, Why, drive};
pub use expand::expand;
pub use extend::{Extended, differences, extend};
pub use grid::{grid, points, size};
pub use join::{Asked, How, Joined, Known, Other, Standing};
pub use ladder::Ladder;
pub use meant::{Meant, meant};
pub use plan::{Plan, PlannedTrial, Work, variants_and_seeds};
pub use prune::{goes_on, rungs};
pub use queue::{Next, State, drop_stopped, next};
pub use random::random;
pub use space::{Dimension, Space};
pub use verify::verify_sweep;
