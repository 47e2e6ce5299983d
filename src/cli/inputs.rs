//! Arguments of several commands: experiment files and overrides, the folder for runs, kernels.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::experiment::Override;
use crate::settings::DeviceChoice;
use crate::train::Device;

/// Experiment files and overrides.
#[derive(Debug, Args)]
pub struct Experiments {
    /// Experiment files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Override a setting: a dotted path and a TOML value, such as data.batch_size=16.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
}

/// The overrides of `--set`, and of `--device` where it is given.
#[must_use]
pub fn overrides(set: &[Override], device: Option<DeviceChoice>) -> Vec<Override> {
    let device = device.map(|device| Override { path: "device".into(), value: device.to_string(), option: "--device" });
    set.iter().cloned().chain(device).collect()
}

/// The folder for runs.
#[derive(Debug, Args)]
pub struct Runs {
    /// Folder for runs.
    #[arg(long = "runs", value_name = "DIR", env = "GLUEPOT_RUNS", default_value = "runs")]
    pub root: PathBuf,
}

/// Kernels to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kernels {
    /// Fused kernels over batches without padding.
    Fused,
    /// Burn's own operations over padded batches: slower, the reference for the fused ones.
    Reference,
}

impl Kernels {
    /// The device with these kernels.
    #[must_use]
    pub fn on(self, device: Device) -> Device {
        match self {
            Self::Fused => device,
            Self::Reference => device.with_reference_kernels(),
        }
    }
}
