//! Training: from a trial, examples and initial weights to events. Knows Burn, and no run directories.

mod batch;
mod device;
mod evaluate;
mod event;
mod log;
mod optimizer;
mod order;
mod schedule;
mod speed;
mod state;
mod trainer;

pub use device::{CudaSupport, Device, DeviceError, Kernels};
pub use event::{Boundary, Diverged, EvaluationEvent, Event, LogRow, Observer, StepEvent};
pub use schedule::learning_rate;
pub use speed::{Speed, matmul_peak, measure};
pub use state::{Counters, Interval, Start, TrainingState};
pub use trainer::{Spent, Trainer, train};
