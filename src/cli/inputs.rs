//! Arguments that several commands share, each defined once.

use std::path::PathBuf;

use clap::Args;

use crate::experiment::Override;
use crate::settings::DeviceChoice;
use crate::train::{Device, Kernels};

/// Experiment files and overrides.
#[derive(Debug, Args)]
pub struct Experiments {
    /// Experiment files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Settings given on the command line.
#[derive(Debug, Args)]
pub struct Overrides {
    /// Override a setting: a dotted path and a TOML value, such as logging.every=1.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    pub set: Vec<Override>,
    #[command(flatten)]
    pub device: DeviceArgument,
}

impl Overrides {
    /// Returns the overrides of `--set`, followed by that of `--device`.
    #[must_use]
    pub fn all(&self) -> Vec<Override> {
        let device =
            self.device.device.map(|device| Override { path: "device".into(), value: device.to_string(), option: "--device" });
        self.set.iter().cloned().chain(device).collect()
    }
}

#[derive(Debug, Args)]
pub struct DeviceArgument {
    /// Device to run on: auto, cpu, cuda or cuda:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
}

/// The folder for runs.
#[derive(Debug, Args)]
pub struct Runs {
    /// Folder for runs.
    #[arg(long = "runs", value_name = "DIR", env = "GLUEPOT_RUNS", default_value = "runs")]
    pub root: PathBuf,
}

#[derive(Debug, Args)]
pub struct KernelsArgument {
    /// Kernels to use: fused, or reference (Burn's own operations over padded batches, slower).
    #[arg(long, value_enum, default_value_t = Kernels::Fused, hide_possible_values = true)]
    pub kernels: Kernels,
}

impl KernelsArgument {
    /// Returns the device with these kernels.
    #[must_use]
    pub fn on(&self, device: Device) -> Device {
        match self.kernels {
            Kernels::Fused => device,
            Kernels::Reference => device.with_reference_kernels(),
        }
    }
}

#[derive(Debug, Args)]
pub struct Quiet {
    /// Print only errors and the final result.
    #[arg(long, short)]
    pub quiet: bool,
}
