//! `run.json`: provenance and outcome of a run.

use std::collections::BTreeMap;

use super::status::Status;
use crate::kernels::{bf16_instructions, instruction_set};
use crate::machine::claim::host_name;
use crate::plan::Hashes;
use crate::settings::Precision;
use crate::task::{Task, glue};
use crate::tokens::InputContract;
use crate::train::Kernels;
use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The content of `run.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunFacts {
    /// Version of this file's format.
    pub format_version: u32,
    /// The run's short id.
    pub id: String,
    /// The experiment's name.
    pub name: String,
    /// The task's name.
    pub task: String,
    /// The task definition. Runs of earlier versions record only the name, from which the definition is looked up on reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<Task>,
    /// Hash of everything that affects the result: runs with the same hash are the same training run.
    #[serde(default)]
    pub trial: String,
    /// The recorded status.
    pub status: Status,
    /// When the run directory was created.
    pub started: DateTime<Utc>,
    /// When the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
    /// How the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// The command line, as a list of words.
    pub command_line: Vec<String>,
    /// The working directory of the command.
    pub working_folder: String,
    /// The machine it started on.
    pub host: Host,
    /// The device it trained on.
    pub device: String,
    /// The GPU model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Which implementation of the operations it used.
    #[serde(default)]
    pub kernels: Kernels,
    /// Versions of the software that computed it.
    pub versions: Versions,
    /// The checkpoint as given in the experiment.
    pub checkpoint: String,
    /// The data source as given in the experiment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data_source: String,
    /// Commits of the repositories downloaded from the hub.
    #[serde(default, skip_serializing_if = "Commits::is_empty")]
    pub commits: Commits,
    /// SHA-256 of everything that was read.
    pub hashes: Hashes,
    /// The tokenization version, if the first version would have produced different token ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenization: Option<u32>,
    /// What the model was given: a record, which the identity does not include.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputContract>,
    /// The numerics version that computed its first step.
    #[serde(default = "first")]
    pub numerics: u32,
    /// The numerics version in its identity, if another version of gluepot planned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_numerics: Option<u32>,
    pub seed: u64,
    pub parameters: usize,
    /// Parameters that were randomly initialized because the checkpoint lacks them.
    pub drawn: Vec<String>,
    /// Tensors of the checkpoint that the model does not use.
    pub unused: Vec<String>,
    /// Parameters that were cast to float32, by their dtype in the checkpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cast: BTreeMap<String, Vec<String>>,
    pub train_examples: usize,
    pub validation_examples: usize,
    /// Planned number of steps.
    pub steps: u64,
    /// Every time the run was resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
    /// What `gluepot prune` has removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Removal>,
}

/// The numerics version of runs that do not record one.
fn first() -> u32 {
    1
}

impl RunFacts {
    /// The numerics versions that computed it, in order.
    pub fn computed_numerics(&self) -> impl DoubleEndedIterator<Item = u32> {
        std::iter::once(self.numerics).chain(self.resumed.iter().map(|resumption| resumption.numerics))
    }

    #[must_use]
    pub fn identity_numerics(&self) -> u32 {
        self.planned_numerics.unwrap_or(self.numerics)
    }

    /// The task that the run trains on.
    ///
    /// # Errors
    /// An earlier version recorded only the name, and no such task exists now.
    pub fn definition(&self) -> Result<&Task> {
        self.task_definition.as_ref().with_context(|| format!("the task {} is not known", self.task))
    }

    /// Fills in the task of runs written before `task_definition` existed; those were GLUE tasks.
    pub(super) fn complete(&mut self) {
        if self.task_definition.is_none() {
            self.task_definition = glue::task(&self.task);
        }
    }
}

/// Version of `run.json`; since version 2, the run directory has a manifest.
pub const FORMAT: u32 = 2;

/// Something that was removed to free disk space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removal {
    /// When it was removed.
    pub at: DateTime<Utc>,
    /// The removed folders, relative to the run directory.
    pub what: Vec<String>,
}

/// Commits of the hub repositories that were read. They document where the files came from, and do not affect the identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commits {
    /// Commit of the checkpoint's repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// Commit of the data set's repository; of several, each after its repository's name and an @.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Commits {
    /// Whether nothing came from the hub.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Formats a device name with the GPU model, if known: `cuda:0 (NVIDIA H100 80GB HBM3)`.
#[must_use]
pub fn device_text(name: &str, gpu: Option<&str>) -> String {
    gpu.map_or_else(|| name.into(), |gpu| format!("{name} ({gpu})"))
}

/// A resumption of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resumption {
    /// When it was resumed.
    pub at: DateTime<Utc>,
    pub step: u64,
    /// How the run had ended before.
    pub after: String,
    /// The command line, as a list of words.
    pub command_line: Vec<String>,
    /// The machine it continued on.
    pub host: Host,
    pub device: String,
    /// The GPU model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// The numerics version that computed the steps from here on.
    #[serde(default = "first")]
    pub numerics: u32,
    /// Changed settings: `path: before → after`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exit {
    /// The process's exit code.
    pub code: u8,
    /// The error message, if the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Host {
    pub name: String,
    /// Operating system and processor architecture.
    pub platform: String,
    /// Number of hardware threads.
    pub threads: usize,
    /// Instruction set of the CPU kernels: `avx512`, `avx2`, `neon` or `baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction_set: Option<String>,
    /// Instructions of the run's bf16 products on the CPU: `amx` or `avx512_bf16`, which round differently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bf16_instructions: Option<String>,
    /// The process id.
    pub process: u32,
}

impl Host {
    /// This machine and process, with the instructions that a run uses.
    #[must_use]
    pub fn of_run(precision: Precision, device: &str) -> Self {
        let on_cpu = device == "cpu" && precision == Precision::Bf16;
        Self { bf16_instructions: bf16_instructions().filter(|_| on_cpu).map(Into::into), ..Self::this() }
    }

    /// This machine and process.
    #[must_use]
    pub fn this() -> Self {
        Self {
            name: host_name(),
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            instruction_set: Some(instruction_set().into()),
            bf16_instructions: None,
            process: std::process::id(),
        }
    }
}

/// Versions of the software that computed a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Versions {
    /// Version of this program.
    pub gluepot: String,
    /// Version of Burn.
    pub burn: String,
}

impl Versions {
    /// The versions of this build.
    #[must_use]
    pub fn this() -> Self {
        Self { gluepot: env!("CARGO_PKG_VERSION").into(), burn: "0.22.1".into() }
    }
}
