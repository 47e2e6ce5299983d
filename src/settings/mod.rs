//! Settings: the tables of an experiment file, one module each, with their defaults and checks.
//!
//! The doc comments of the fields are the manual: they appear in the JSON Schema, in editors, and in
//! messages about invalid keys.

mod checkpoints;
mod data;
mod device;
mod evaluation;
mod forms;
mod logging;
mod loss;
mod model;
mod names;
mod optimizer;
mod own_task;
mod properties;
mod retired;
mod save;
mod schedule;
mod sweep;
mod task;
mod training;

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::task::Task;
use crate::task::metrics::{ALL, LOSS, Metric};

pub use checkpoints::{Checkpoints, Keep, Kept};
pub use data::Data;
pub use device::DeviceChoice;
pub use evaluation::{Evaluation, Interval};
pub use logging::Logging;
pub use loss::{ClassWeights, LossSettings};
pub use model::{Initialize, ModelSettings};
pub use names::MetricName;
pub use optimizer::Optimizer;
pub use own_task::{OneOrMore, OwnTask, TaskKind};
pub use properties::{Derived, Properties, Property, properties, strip};
pub use retired::{RETIRED, Retired};
pub use save::SaveEvery;
pub use schedule::{Schedule, ScheduleKind};
pub use sweep::{Axis, OnFailure, Prune, Range, StrategyName, Sweep, unrankable};
pub use task::TaskSetting;
pub use training::{Precision, PrecisionChoice, Training};

/// The path of the setting for the task, and that of the metric that judges it.
pub const TASK: &str = "task";
pub const METRIC: &str = "metric";
/// The path of the setting for the checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// The path of the setting for the data.
pub const DATA_SOURCE: &str = "data.source";

/// A problem with the value at a path such as `data.batch_size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The dotted path of the key.
    pub path: String,
    /// What is wrong, in lowercase, including the value.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl SettingProblem {
    pub(crate) fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// An experiment: what to fine-tune, on what, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name of the experiment, part of its run directories' names. Default: the file's name.
    #[serde(default)]
    #[schemars(length(min = 1), extend("x-effect" = false))]
    pub name: String,
    /// Another experiment file to start from; keys in this file win. Tables are merged key by key, arrays replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-trial" = false))]
    pub base: Option<String>,
    /// Task to fine-tune on: the name of a GLUE task, or a table for your own data.
    #[schemars(extend("examples" = ["mrpc"]))]
    pub task: TaskSetting,
    /// Pretrained model: an id on the Hugging Face hub, id@revision, a folder (./folder), or run:ID for the best checkpoint of a
    /// run.
    #[schemars(length(min = 1), extend("x-path" = true, "examples" = ["bert-base-uncased"]))]
    pub checkpoint: String,
    /// Peak learning rate, scaled by the schedule.
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [5e-5]))]
    pub learning_rate: f64,
    /// Passes over the training split. Required unless training.max_steps is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), extend("x-replaced-by" = "training.max_steps"))]
    pub epochs: Option<NonZeroU32>,
    /// Metric that picks the best checkpoint.
    // Variants ranked by different metrics cannot be compared, except that each task has its own.
    #[schemars(extend("x-axis" = false, "examples" = ["f1"]))]
    pub metric: MetricName,
    /// Random seed, for the order of the examples, randomly initialized weights and dropout.
    #[serde(default = "default_seed")]
    // Seeds are replicates, not an axis.
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807_i64), extend("x-sweep" = false))]
    pub seed: u64,
    /// Device to train on: "auto" (a CUDA device if there is one, else the CPU), "cpu", "cuda" or "cuda:1".
    #[serde(default)]
    #[schemars(extend("x-effect" = false))]
    pub device: DeviceChoice,
    /// Data and batches.
    #[serde(default)]
    pub data: Data,
    /// Model.
    #[serde(default)]
    pub model: ModelSettings,
    /// What training minimizes.
    #[serde(default)]
    pub loss: LossSettings,
    /// AdamW.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Learning-rate schedule.
    #[serde(default)]
    pub schedule: Schedule,
    /// Steps, gradient accumulation and precision.
    #[serde(default)]
    pub training: Training,
    /// When to evaluate on the validation split.
    #[serde(default)]
    pub evaluation: Evaluation,
    /// Which checkpoints to keep, and when to save what `gluepot resume` needs.
    #[serde(default)]
    pub checkpoints: Checkpoints,
    /// How often metrics are logged.
    #[serde(default)]
    pub logging: Logging,
}

fn default_seed() -> u64 {
    42
}

/// Returns the problem for a precision that the device does not support.
#[must_use]
pub fn no_precision(precision: Precision, device: &str) -> SettingProblem {
    SettingProblem::new("training.precision", format!("{device} cannot compute in {}", precision.name()))
        .help("use precision = \"fp32\" there; bf16 takes a GPU or a CPU with AMX-BF16 or AVX512-BF16, and tf32 a GPU")
}

/// Returns the problem with a metric that cannot score what the task predicts.
#[must_use]
pub fn unfit(task: &Task, path: &str, metric: &Metric) -> Option<SettingProblem> {
    if (metric.fits)(&task.head) {
        return None;
    }
    let fitting = ALL.iter().filter(|metric| (metric.fits)(&task.head)).map(|metric| metric.name).chain([LOSS]);
    let message = format!("\"{}\" does not apply to {}", metric.name, task.name);
    Some(SettingProblem::new(path, message).help(format!("choose one of {}", fitting.collect::<Vec<_>>().join(", "))))
}

impl Settings {
    /// Returns all conflicts between settings that can be found without data or weights.
    #[must_use]
    pub fn problems(&self) -> Vec<SettingProblem> {
        let mut problems = self.task.problems(&self.data.source);
        problems.extend(self.task.outline().and_then(|task| unfit(&task, "metric", &self.metric.metric()?)));
        if self.epochs.is_none() && self.training.max_steps.is_none() {
            problems.push(SettingProblem::new("epochs", "the key `epochs` is missing").help("add a line such as `epochs = 3`"));
        }
        if self.device == DeviceChoice::Cpu && self.training.precision == PrecisionChoice::Tf32 {
            problems.push(no_precision(Precision::Tf32, "the CPU"));
        }
        problems.extend(self.schedule.problems());
        problems
    }
}
