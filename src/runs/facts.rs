//! `run.json`: what ran where, on what, and how it ended.

use super::status::Status;
use crate::kernels::instruction_set;
use crate::machine::claim::host_name;
use crate::plan::Hashes;
use crate::task::{Task, glue};
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
    /// The task itself; what earlier versions wrote has only its name, from which it is made when they are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<Task>,
    /// Hash of what decides the outcome: runs that share it are the same training.
    #[serde(default)]
    pub trial: String,
    /// How it stands.
    pub status: Status,
    /// When the run directory was made.
    pub started: DateTime<Utc>,
    /// When the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
    /// How the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// The command line, word by word.
    pub command_line: Vec<String>,
    /// The folder that it was typed in.
    pub working_folder: String,
    /// The machine.
    pub host: Host,
    /// The device trained on.
    pub device: String,
    /// What kind of GPU that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Who computed.
    #[serde(default)]
    pub kernels: Kernels,
    /// Versions of what computed.
    pub versions: Versions,
    /// The checkpoint as the experiment names it.
    pub checkpoint: String,
    /// The data as the experiment names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data_source: String,
    /// The commits of what came from the hub.
    #[serde(default, skip_serializing_if = "Commits::is_empty")]
    pub commits: Commits,
    /// SHA-256 of everything read.
    pub hashes: Hashes,
    /// How texts became ids, where the first tokenization would have given others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenization: Option<u32>,
    /// The number of the numerics that computed its first step.
    #[serde(default = "first")]
    pub numerics: u32,
    /// The number of the numerics in its identity, where another version of gluepot planned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_numerics: Option<u32>,
    pub seed: u64,
    pub parameters: usize,
    /// Parameters drawn because the checkpoint lacks them.
    pub drawn: Vec<String>,
    /// Tensors of the checkpoint that the model does not use.
    pub unused: Vec<String>,
    pub train_examples: usize,
    pub validation_examples: usize,
    /// Steps planned.
    pub steps: u64,
    /// Every time that the run went on after an end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
    /// What `gluepot prune` removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Removal>,
}

/// The number of the numerics that computed where none is recorded.
fn first() -> u32 {
    1
}

impl RunFacts {
    /// The numbers of the numerics that computed it, in order.
    pub fn computed_numerics(&self) -> impl DoubleEndedIterator<Item = u32> {
        std::iter::once(self.numerics).chain(self.resumed.iter().map(|resumption| resumption.numerics))
    }

    #[must_use]
    pub fn identity_numerics(&self) -> u32 {
        self.planned_numerics.unwrap_or(self.numerics)
    }

    /// The task that the run learns.
    ///
    /// # Errors
    /// An earlier version wrote its name alone, and no task is called so now.
    pub fn definition(&self) -> Result<&Task> {
        self.task_definition.as_ref().with_context(|| format!("the task {} is not known", self.task))
    }

    /// Runs of versions before `task_definition` tell the task by its name: those were tasks of GLUE.
    pub(super) fn complete(&mut self) {
        if self.task_definition.is_none() {
            self.task_definition = glue::task(&self.task);
        }
    }
}

/// Version of `run.json`: from 2 on, the run directory has a manifest.
pub const FORMAT: u32 = 2;

/// Something that was removed to save space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removal {
    /// When.
    pub at: DateTime<Utc>,
    /// Folders in the run directory.
    pub what: Vec<String>,
}

/// The commits of the hub's repositories that were read; they tell where the bytes came from, and decide nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commits {
    /// The checkpoint's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// The data set's.
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

/// A device by its name and, where that is known, the kind of GPU: `cuda:0 (NVIDIA H100 80GB HBM3)`.
#[must_use]
pub fn device_text(name: &str, gpu: Option<&str>) -> String {
    gpu.map_or_else(|| name.into(), |gpu| format!("{name} ({gpu})"))
}

/// A run that went on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resumption {
    /// When.
    pub at: DateTime<Utc>,
    pub step: u64,
    /// How the run had ended before.
    pub after: String,
    /// The command line, word by word.
    pub command_line: Vec<String>,
    /// The machine.
    pub host: Host,
    pub device: String,
    /// What kind of GPU that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// The number of the numerics that computed from here on.
    #[serde(default = "first")]
    pub numerics: u32,
    /// Settings that changed: `path: before → after`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exit {
    /// The process's exit code.
    pub code: u8,
    /// The message, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Host {
    pub name: String,
    /// Operating system and processor architecture.
    pub platform: String,
    /// Threads that it runs at once.
    pub threads: usize,
    /// What its CPU computes with: `avx512`, `avx2`, `neon` or `baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction_set: Option<String>,
    /// The process that runs.
    pub process: u32,
}

impl Host {
    /// This machine and process.
    #[must_use]
    pub fn this() -> Self {
        Self {
            name: host_name(),
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            instruction_set: Some(instruction_set().into()),
            process: std::process::id(),
        }
    }
}

/// Versions of what computed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Versions {
    /// This program.
    pub gluepot: String,
    /// The tensor library.
    pub burn: String,
}

impl Versions {
    /// Those of this build.
    #[must_use]
    pub fn this() -> Self {
        Self { gluepot: env!("CARGO_PKG_VERSION").into(), burn: "0.22.1".into() }
    }
}
