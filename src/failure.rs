//! How a command can fail, and its exit code.

use std::fmt;

use crate::experiment::problem::Problems;
use crate::hub::HubError;
use crate::machine::claim::TakenOver;
use crate::machine::gpu_fault::GpuFault;
use crate::machine::memory::NotEnoughMemory;
use crate::machine::signals::INTERRUPTED;
use crate::runs::{FindError, Status};
use crate::terminal::Styled;
use crate::train::{DeviceError, Diverged, TrainError};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// A bug in the program itself.
    Internal(anyhow::Error),
    /// Invalid arguments, such as a run that does not exist.
    Usage(anyhow::Error),
    /// The experiment is invalid.
    Experiment(Problems),
    /// The data cannot be used.
    Data(anyhow::Error),
    /// The checkpoint cannot be used.
    Checkpoint(anyhow::Error),
    /// The hub refuses the request, or cannot be reached.
    Hub(anyhow::Error),
    Device(DeviceError),
    /// A GPU cannot be used, or can no longer be used.
    Gpu(GpuFault),
    /// The run directory or standard output cannot be written or read.
    RunDirectory(anyhow::Error),
    /// Another process has taken over the run.
    TakenOver(TakenOver),
    /// The loss or the gradient was no longer finite.
    Diverged(Diverged),
    /// Not enough memory.
    OutOfMemory(String),
    /// Some trials of a sweep failed; the others have ended.
    Trials(String),
    /// A stop was requested; what was done is kept.
    Interrupted(String),
    /// Some of several experiments failed; each has been reported.
    Several {
        /// How many, and which.
        message: String,
        /// The exit code of the first failure.
        code: u8,
    },
}

/// Result of a command.
pub type Outcome<T> = Result<T, Failure>;

/// Exit codes and their meanings, as shown in the manual. 2 is also clap's own code for wrong usage.
pub const EXIT_CODES: [(u8, &str); 13] = [
    (0, "done"),
    (1, "internal error (a bug in gluepot)"),
    (2, "wrong usage"),
    (3, "the experiment is invalid"),
    (4, "the data cannot be used"),
    (5, "the checkpoint cannot be used"),
    (6, "the hub cannot be reached or refuses"),
    (7, "the device is missing or unsuitable"),
    (8, "the run directory or standard output cannot be written or read"),
    (9, "training diverged"),
    (10, "out of memory"),
    (11, "some trials of a sweep failed"),
    (INTERRUPTED, "interrupted; what was done is kept, and the message says how to continue"),
];

impl Failure {
    /// Returns the process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) => 1,
            Self::Usage(_) => 2,
            Self::Experiment(_) => 3,
            Self::Data(_) => 4,
            Self::Checkpoint(_) => 5,
            Self::Hub(_) => 6,
            Self::Device(_) | Self::Gpu(_) => 7,
            Self::RunDirectory(_) | Self::TakenOver(_) => 8,
            Self::Diverged(_) => 9,
            Self::OutOfMemory(_) => 10,
            Self::Trials(_) => 11,
            Self::Interrupted(_) => INTERRUPTED,
            Self::Several { code, .. } => *code,
        }
    }

    /// Returns the run's status for `run.json`.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Diverged(_) => Status::Diverged,
            Self::OutOfMemory(_) => Status::OutOfMemory,
            Self::Interrupted(_) => Status::Interrupted,
            _ => Status::Failed,
        }
    }

    /// Wraps an error about the data, unless the hub or a lack of memory was the cause.
    #[must_use]
    pub fn data(error: anyhow::Error) -> Self {
        Self::of_input(error, Self::Data)
    }

    /// Wraps an error about the checkpoint, unless the hub or a lack of memory was the cause.
    #[must_use]
    pub fn checkpoint(error: anyhow::Error) -> Self {
        Self::of_input(error, Self::Checkpoint)
    }

    fn of_input(error: anyhow::Error, otherwise: fn(anyhow::Error) -> Self) -> Self {
        if error.chain().any(<dyn std::error::Error>::is::<HubError>) {
            Self::Hub(error)
        } else if error.chain().any(<dyn std::error::Error>::is::<NotEnoughMemory>) {
            Self::OutOfMemory(format!("{error:#}"))
        } else {
            otherwise(error)
        }
    }

    /// Wraps a panic, which Burn raises if a device fails.
    #[must_use]
    pub fn panic(message: &str) -> Self {
        Self::of_device(message).unwrap_or_else(|| Self::Internal(anyhow::anyhow!("{message}")))
    }

    /// Interprets a message of a driver or of Burn about the machine's memory or a GPU. They have no error types for these.
    fn of_device(message: &str) -> Option<Self> {
        let fault = GpuFault::of(message);
        let of_gpu = fault.as_ref().and_then(GpuFault::out_of_memory);
        let of_memory = of_gpu.or_else(|| says_out_of_memory(message).then(|| message.to_string()));
        of_memory.map(Self::OutOfMemory).or(fault.map(Self::Gpu))
    }

    /// Returns the message and, if there is any, advice.
    #[must_use]
    pub fn message(&self) -> String {
        if let Self::Experiment(problems) = self {
            return problems.to_string();
        }
        let mut lines = vec![format!("error: {self}")];
        lines.extend(self.advice().map(|advice| format!("  = help: {advice}")));
        lines.join("\n")
    }

    /// Returns the same for a terminal, in color.
    #[must_use]
    pub fn styled(&self) -> Styled {
        match self {
            Self::Experiment(problems) => problems.styled(),
            _ => Styled::plain(&self.message()),
        }
    }

    /// Returns details that are too long for a terminal but help to find the cause.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        match self {
            Self::Gpu(fault) => Some(fault.message()),
            _ => None,
        }
    }

    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Diverged(_) => {
                Some("a lower learning_rate, a warmup (schedule.warmup_ratio = 0.1) or optimizer.max_grad_norm = 1.0 help most")
            }
            Self::OutOfMemory(_) => {
                Some("lower data.batch_size or data.max_length; training.gradient_accumulation keeps the step's size")
            }
            Self::Gpu(fault) => Some(fault.advice()),
            Self::Internal(_) => Some("this is a bug in gluepot; please report it with the log.txt of the run, if there is one"),
            _ => None,
        }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Diverged(diverged) => Self::Diverged(diverged),
            TrainError::Device(error) => Self::of_device(&format!("{error:#}")).unwrap_or(Self::Internal(error)),
            // Observers write to the run directory.
            TrainError::Observer(error) => Self::RunDirectory(error),
            TrainError::MissingTarget(_) | TrainError::Target(_) => Self::Data(error.into()),
            TrainError::Parameters(_) | TrainError::UnknownMetric(_) => Self::Internal(error.into()),
        }
    }
}

/// Returns whether a driver, the system or Burn reports being out of memory, on the machine or on a GPU.
#[must_use]
pub fn says_out_of_memory(message: &str) -> bool {
    let lower = message.to_lowercase();
    ["out of memory", "outofmemory", "out_of_memory", "memory allocation of", "not enough memory"]
        .iter()
        .any(|sign| lower.contains(sign))
        || GpuFault::of(message).is_some_and(|fault| fault.out_of_memory().is_some())
}

/// A missing run is wrong usage; an unreadable one is not.
impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        match error {
            FindError::NotFound(_) => Self::Usage(error.into()),
            FindError::Unreadable(error) => Self::RunDirectory(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal(error)
            | Self::Usage(error)
            | Self::Data(error)
            | Self::Checkpoint(error)
            | Self::Hub(error)
            | Self::RunDirectory(error) => write!(f, "{error:#}"),
            Self::Experiment(problems) => write!(f, "{problems}"),
            Self::Device(error) => write!(f, "{error}"),
            Self::Gpu(fault) => write!(f, "{fault}"),
            Self::TakenOver(taken) => write!(f, "{taken}"),
            Self::Diverged(diverged) => write!(f, "{diverged}"),
            Self::OutOfMemory(message) => write!(f, "out of memory: {message}"),
            Self::Trials(message) | Self::Interrupted(message) | Self::Several { message, .. } => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_path_decides_no_exit_code() {
        let error = || anyhow!("No such file or directory").context("cannot read ./out_of_memory/CUDA_ERROR_NO_DEVICE.tsv");
        assert_eq!(Failure::checkpoint(error()).exit_code(), 5);
        assert_eq!(Failure::data(error()).exit_code(), 4);
        assert_eq!(Failure::from(TrainError::Observer(error())).exit_code(), 8);
    }

    #[test]
    fn our_own_errors_are_classified_by_type() {
        let memory = || anyhow::Error::new(NotEnoughMemory("7 bytes of weights".into())).context("cannot use the weights");
        assert_eq!(Failure::checkpoint(memory()).exit_code(), 10);
        assert_eq!(Failure::data(memory()).exit_code(), 10);
        assert_eq!(
            Failure::checkpoint(memory()).to_string(),
            "out of memory: cannot use the weights: not enough memory for 7 bytes of weights"
        );
        // Whatever kept an observer from writing, it was writing to the run directory.
        let io = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(Failure::from(TrainError::Observer(io.into())).exit_code(), 8);
        let diverged = Diverged { step: 3, quantity: "loss", value: f64::NAN, learning_rate: 1.0, examples: Vec::new() };
        assert_eq!(Failure::from(TrainError::Diverged(diverged)).exit_code(), 9);
    }

    #[test]
    fn a_failing_device_is_recognized_by_the_drivers_message() {
        let failure = |message: &str| Failure::from(TrainError::Device(anyhow!("{message}").context("cannot read a loss")));
        assert_eq!(failure("out of device memory allocating 8388608 bytes").exit_code(), 10);
        assert_eq!(failure("DriverError(CUDA_ERROR_NO_DEVICE, \"none\")").exit_code(), 7);
        assert_eq!(failure("what nobody has seen before").exit_code(), 1);
    }
}
