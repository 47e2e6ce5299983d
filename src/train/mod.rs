//! Training: from a trial, examples and initial weights to events. Depends on Burn, but not on run directories.
//!
//! [`train`] feeds the micro-batches of each optimizer step, as yielded by [`Order`], to a [`Trainer`]; evaluates on the
//! validation split when the trial asks for it; and sends every [`Event`] to all [`Observer`]s, each of which may end training
//! with a [`Stop`]. [`predict()`] is the forward pass alone.

#[cfg(feature = "gpu")]
mod accumulate;
mod batch;
mod device;
mod error;
mod event;
mod gradient_sum;
#[cfg(feature = "gpu")]
mod gradient_totals;
mod kernel_cache;
mod learner;
mod log;
mod loss;
mod observer;
mod optimizer;
mod order;
mod pending;
mod predict;
#[cfg(feature = "gpu")]
mod recordings;
mod replays;
mod schedule;
mod speed;
mod state;
mod step;
#[cfg(feature = "gpu")]
mod step_part;
mod step_runner;
mod step_runners;
mod targets;
mod trainer;
mod training_loop;
mod validation;

pub use batch::BatchLayout;
pub use device::{CudaSupport, Device, DeviceError, Faults, Kernels, fastest_precision, unused_gpu};
pub use error::{Diverged, TrainError};
pub use event::{Boundary, EvaluationEvent, Event, LogRow, StepEvent};
pub use kernel_cache::KernelCache;
pub use learner::StepTimes;
pub use observer::{Observer, Stop};
pub use order::{Order, StepBatches};
pub use pending::PendingStep;
pub use predict::{evaluate, load_model, predict};
pub use replays::Replays;
pub use schedule::learning_rate;
pub use speed::{Speed, matmul_peak, measure};
pub use state::{Counters, LogInterval, Start, TrainingState};
pub use targets::TargetError;
pub use trainer::Trainer;
pub use training_loop::train;
pub use validation::ValidationSplits;
