//! Training: from a trial, examples and initial weights to events. Knows Burn, and no run directories.

mod account;
#[cfg(feature = "gpu")]
mod accumulated;
mod batch;
mod device;
mod evaluate;
mod event;
mod gradient_sum;
mod kernel_cache;
mod learner;
mod log;
mod loss;
mod optimizer;
mod order;
#[cfg_attr(not(feature = "gpu"), path = "no_recordings.rs")]
mod recordings;
mod replays;
mod schedule;
mod speed;
mod state;
mod step;
mod trainer;
#[cfg(feature = "gpu")]
mod work;

pub use account::Taken;
pub use device::{CudaSupport, Device, DeviceError, Kernels, unused_gpu};
pub use event::{Boundary, Diverged, EvaluationEvent, Event, LogRow, Observer, StepEvent};
pub use kernel_cache::KernelCache;
pub use learner::Spent;
pub use replays::Replays;
pub use schedule::learning_rate;
pub use speed::{Speed, matmul_peak, measure};
pub use state::{Counters, Interval, Start, TrainingState};
pub use trainer::{Trainer, train};
