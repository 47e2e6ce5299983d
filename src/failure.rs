//! How a command can fail, and the exit code that says so.

use std::fmt;

use crate::experiment::problem::Problems;
use crate::hub::HubError;
use crate::machine::gpu_fault::GpuFault;
use crate::machine::stop::INTERRUPTED;
use crate::runs::{Status, TakenOver};
use crate::terminal::Styled;
use crate::train::{DeviceError, Diverged};

/// Why a command ended without doing its work.
#[derive(Debug)]
pub enum Failure {
    /// A mistake in the program itself.
    Internal(anyhow::Error),
    /// Arguments that do not fit, such as a run that does not exist.
    Usage(anyhow::Error),
    /// The experiment is wrong.
    Experiment(Problems),
    /// The data cannot be used.
    Data(anyhow::Error),
    /// The checkpoint cannot be used.
    Checkpoint(anyhow::Error),
    /// The hub refuses, or cannot be reached.
    Hub(anyhow::Error),
    /// The device is not there.
    Device(DeviceError),
    /// A GPU cannot be used, or no longer.
    Gpu(GpuFault),
    /// The run directory or standard output cannot be written or read.
    RunDirectory(anyhow::Error),
    /// Another process has taken over the run.
    TakenOver(TakenOver),
    /// Loss or gradient were no longer finite.
    Diverged(Diverged),
    /// Not enough memory.
    OutOfMemory(String),
    /// Some trials of a sweep failed; the others have ended.
    Trials(String),
    /// Somebody asked to stop; what was done is kept.
    Interrupted(String),
    /// Some of several experiments failed; each has been told about.
    Several {
        /// How many, and which.
        message: String,
        /// The exit code of the first of them.
        code: u8,
    },
}

/// Result of a command.
pub type Outcome<T> = Result<T, Failure>;

/// Exit codes, names and meanings, as the manual shows them. 2 is clap's own for wrong usage.
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
    /// The process's exit code.
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

    /// What goes into `run.json` as the run's status.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Diverged(_) => Status::Diverged,
            Self::OutOfMemory(_) => Status::OutOfMemory,
            Self::Interrupted(_) => Status::Interrupted,
            _ => Status::Failed,
        }
    }

    /// The data or, if the hub was the reason, the hub.
    #[must_use]
    pub fn data(error: anyhow::Error) -> Self {
        if comes_from_hub(&error) { Self::Hub(error) } else { Self::Data(error) }
    }

    /// The checkpoint or, if the hub or the memory was the reason, that.
    #[must_use]
    pub fn checkpoint(error: anyhow::Error) -> Self {
        let message = format!("{error:#}");
        if comes_from_hub(&error) {
            Self::Hub(error)
        } else if says_out_of_memory(&message) {
            Self::OutOfMemory(message)
        } else {
            Self::Checkpoint(error)
        }
    }

    /// What training ended with.
    #[must_use]
    pub fn training(error: anyhow::Error) -> Self {
        match error.downcast::<Diverged>() {
            Ok(diverged) => Self::Diverged(diverged),
            Err(error) if error.chain().any(|cause| cause.is::<std::io::Error>() || cause.is::<csv::Error>()) => {
                Self::RunDirectory(error)
            }
            Err(error) => Self::of_device(&format!("{error:#}")).unwrap_or(Self::Internal(error)),
        }
    }

    /// A panic, which Burn raises where a device fails.
    #[must_use]
    pub fn panic(message: &str) -> Self {
        Self::of_device(message).unwrap_or_else(|| Self::Internal(anyhow::anyhow!("{message}")))
    }

    /// What a message says of the machine's memory or of a GPU.
    fn of_device(message: &str) -> Option<Self> {
        let fault = GpuFault::of(message);
        let of_gpu = fault.as_ref().and_then(GpuFault::of_memory);
        let of_memory = of_gpu.or_else(|| says_out_of_memory(message).then(|| message.to_string()));
        of_memory.map(Self::OutOfMemory).or(fault.map(Self::Gpu))
    }

    /// The message, and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        if let Self::Experiment(problems) = self {
            return problems.to_string();
        }
        let mut lines = vec![format!("error: {self}")];
        lines.extend(self.advice().map(|advice| format!("  = help: {advice}")));
        lines.join("\n")
    }

    /// The same for a terminal, in colors.
    #[must_use]
    pub fn styled(&self) -> Styled {
        match self {
            Self::Experiment(problems) => problems.styled(),
            _ => Styled::plain(&self.message()),
        }
    }

    /// What is too long for a terminal, and helps those who look for the reason.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        match self {
            Self::Gpu(fault) => Some(fault.whole()),
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

fn comes_from_hub(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<HubError>().is_some())
}

/// Whether a message speaks of memory that could not be had, the machine's or a GPU's.
#[must_use]
pub fn says_out_of_memory(message: &str) -> bool {
    let lower = message.to_lowercase();
    ["out of memory", "outofmemory", "out_of_memory", "memory allocation of", "not enough memory"]
        .iter()
        .any(|sign| lower.contains(sign))
        || GpuFault::of(message).is_some_and(|fault| fault.of_memory().is_some())
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
