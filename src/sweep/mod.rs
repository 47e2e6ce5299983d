//! Sweeps: from axes to trials, each run in its own process.
//!
//! ```text
//! [sweep] ─► SearchSpace ─► Strategy ─► Planner ─► PlannedTrial, … ─► plan.jsonl
//!                               ▲                                          │
//!                            History ◄── runs below it ◄── Processes ◄── drive
//! ```
//!
//! A strategy proposes variants, a variant and a seed make a trial, and each trial is a line of the plan. Lines are only
//! added, under a lock, so any number of processes can share one plan.

mod directory;
mod drive;
mod extend;
mod facts;
mod finish;
mod grid;
mod growing_plan;
mod halving;
mod limits;
mod lock;
mod open;
mod pace;
mod parallelism;
mod paths;
mod plan;
mod planner;
mod processes;
mod queue;
mod random;
mod ranking;
mod resolve;
mod rung_scores;
mod space;
mod state_counts;
mod strategies;
mod strategy;
mod trial_maker;
mod verify;

pub use directory::{Inventory, SweepDirectory, is_sweep};
pub use drive::{
    Crew, CrewEvent, DriveOptions, Driven, FixedPlan, PlanSource, StopReason, SweepObserver, TrialEnd, TrialProgress, drive,
};
pub use extend::{Extended, differences, extend};
pub use facts::{FORMAT, SweepFacts};
pub use grid::{grid, points, size};
pub use growing_plan::GrowingPlan;
pub use halving::{rungs, survives};
pub use open::{FoundSweep, Lookup, OpenOptions, OpenedSweep, SimilarSweep, SweepRequest};
pub use pace::Pace;
pub use parallelism::{Jobs, Parallelism};
pub use plan::{Plan, PlannedTrial, Workload, variants_and_seeds};
pub use planner::{Candidate, Further, Planner, Planning, TrialMaker};
pub use processes::{Processes, TrialMessage, Workers};
pub use queue::{Next, TrialState, drop_stopped, next};
pub use random::random;
pub use ranking::{RankingMetric, TaskTrials, by_task};
pub use resolve::{RunOrSweep, resolve};
pub use rung_scores::RungScores;
pub use space::{Dimension, SearchSpace};
pub use state_counts::StateCounts;
pub use strategies::strategy;
pub use strategy::{History, Proposal, Strategy, TriedVariant, VariantResult};
pub use trial_maker::ExperimentTrials;
pub use verify::verify_sweep;
