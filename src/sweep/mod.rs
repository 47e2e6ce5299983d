//! Sweeps: from axes to trials, and the trials run, each in a process of its own.
//!
//! ```text
//! [sweep] ─► space ─► grid | random ─► expand ─► plan (frozen: plan.jsonl)
//! plan ─► open (under a lock): a sweep's directory ─► queue ─► drive ─► processes ─► runs below it
//! ```

mod claim;
mod directory;
mod drive;
mod expand;
mod extend;
mod finish;
mod grid;
mod halving;
mod lock;
mod open;
mod parallelism;
mod paths;
mod plan;
mod processes;
mod queue;
mod random;
mod resolve;
mod rung_scores;
mod space;
mod state_counts;
mod verify;

pub use claim::FileClaim;
pub use directory::{FORMAT, Inventory, SweepDirectory, SweepFacts, is_sweep};
pub use drive::{Crew, CrewEvent, DriveOptions, Driven, StopReason, SweepObserver, TrialEnd, TrialProgress, drive};
pub use expand::expand;
pub use extend::{Extended, differences, extend};
pub use grid::{grid, points, size};
pub use halving::{rungs, survives};
pub use open::{FoundSweep, Lookup, OpenOptions, OpenedSweep, SimilarSweep, SweepRequest};
pub use parallelism::{Jobs, Parallelism};
pub use plan::{Plan, PlannedTrial, Workload, variants_and_seeds};
pub use processes::{Processes, TrialMessage, Workers};
pub use queue::{Next, TrialState, drop_stopped, next};
pub use random::random;
pub use resolve::{RunOrSweep, resolve};
pub use rung_scores::RungScores;
pub use space::{Dimension, SearchSpace};
pub use state_counts::StateCounts;
pub use verify::verify_sweep;
