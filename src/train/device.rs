//! Choosing the device to train on.

use std::path::Path;

use burn::tensor::Device as BurnDevice;
use serde::{Deserialize, Serialize};

use crate::settings::{DeviceChoice, Precision};

/// A device that is there.
#[derive(Clone, Debug)]
pub struct Device {
    name: String,
    plain: BurnDevice,
    kernels: Kernels,
    records: bool,
    #[cfg(feature = "webgpu")]
    spoils: bool,
    #[cfg(feature = "webgpu")]
    copies: bool,
}

/// Which implementation of the operations computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kernels {
    /// Fused operations over batches without padding, where the device has them.
    #[default]
    Fused,
    /// Burn's own operations over padded batches: what the others are held to.
    Reference,
}

/// What this program and this machine offer for CUDA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CudaSupport {
    /// The program was built without the feature `cuda`.
    NotBuilt {
        /// Whether the machine has an NVIDIA GPU all the same.
        machine_has_gpu: bool,
    },
    /// The program can, with so many devices.
    Built {
        /// CUDA devices found.
        devices: usize,
        /// Why there are none, where that is known.
        why_none: Option<String>,
    },
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeviceError {
    /// Built without CUDA.
    #[error(
        "the experiment asks for cuda:{0}, but this gluepot was built without CUDA; build it with `cargo build --release --features cuda`"
    )]
    NotBuilt(usize),
    /// No such device.
    #[error("the experiment asks for cuda:{asked}, but this machine has {}{}", devices(*.found), because(.why_none.as_ref()))]
    NotThere {
        /// Number asked for.
        asked: usize,
        /// Devices there.
        found: usize,
        /// Why there are none, where that is known.
        why_none: Option<String>,
    },
    /// A precision without hardware for it.
    #[error("{device} cannot compute in {}; use precision = \"fp32\"", precision.name())]
    NoPrecision {
        /// The precision.
        precision: Precision,
        /// The device.
        device: String,
    },
}

fn devices(found: usize) -> String {
    match found {
        0 => "no CUDA device".into(),
        1 => "only cuda:0".into(),
        more => format!("only cuda:0 to cuda:{}", more - 1),
    }
}

fn because(why: Option<&String>) -> String {
    why.map_or(String::new(), |why| format!(": {why}"))
}

impl CudaSupport {
    /// Looks without starting a CUDA context.
    #[must_use]
    pub fn find() -> Self {
        #[cfg(feature = "cuda")]
        {
            let devices = BurnDevice::enumerate(burn::tensor::DeviceType::Cuda).len();
            let why_none = if devices == 0 { crate::machine::cuda_driver::why_none() } else { None };
            Self::Built { devices, why_none }
        }
        #[cfg(not(feature = "cuda"))]
        {
            Self::NotBuilt { machine_has_gpu: machine_has_nvidia_gpu() }
        }
    }
}

/// Whether the NVIDIA driver has a device, as the kernel shows it.
fn machine_has_nvidia_gpu() -> bool {
    Path::new("/dev/nvidia0").exists() || Path::new("/proc/driver/nvidia/gpus").is_dir()
}

/// What there is to say to somebody whose machine has an NVIDIA GPU that this program cannot use.
#[must_use]
pub fn unused_gpu() -> Option<String> {
    match CudaSupport::find() {
        CudaSupport::NotBuilt { machine_has_gpu: true } => {
            Some("this machine has an NVIDIA GPU, which this build cannot use: cargo build --release --features cuda".into())
        }
        CudaSupport::Built { devices: 0, why_none } if machine_has_nvidia_gpu() => {
            let why = why_none.unwrap_or_else(|| "NVIDIA's driver shows none".into());
            Some(format!("this machine has an NVIDIA GPU, which cannot be used: {why}; `nvidia-smi` may say more"))
        }
        CudaSupport::NotBuilt { .. } | CudaSupport::Built { .. } => None,
    }
}

impl Device {
    /// Picks the device that an experiment asks for.
    ///
    /// # Errors
    /// It is not there, or cannot compute in this precision.
    pub fn choose(choice: DeviceChoice, precision: Precision) -> Result<Self, DeviceError> {
        let device = match (choice, CudaSupport::find()) {
            (DeviceChoice::Auto, CudaSupport::Built { devices, .. }) if devices > 0 => Self::cuda(0),
            (DeviceChoice::Auto | DeviceChoice::Cpu, _) => Self::cpu(),
            (DeviceChoice::Cuda(asked), CudaSupport::NotBuilt { .. }) => return Err(DeviceError::NotBuilt(asked)),
            (DeviceChoice::Cuda(asked), CudaSupport::Built { devices: found, why_none }) if asked >= found => {
                return Err(DeviceError::NotThere { asked, found, why_none });
            }
            (DeviceChoice::Cuda(asked), CudaSupport::Built { .. }) => Self::cuda(asked),
        };
        // The CPU's bf16 products are f32 products with extra roundings: no faster, and less exact. TF32 it has not.
        if precision != Precision::Fp32 && device.is_cpu() {
            return Err(DeviceError::NoPrecision { precision, device: "the CPU".into() });
        }
        Ok(device)
    }

    fn named(name: String, plain: BurnDevice) -> Self {
        Self {
            name,
            plain,
            kernels: Kernels::Fused,
            records: true,
            #[cfg(feature = "webgpu")]
            spoils: false,
            #[cfg(feature = "webgpu")]
            copies: false,
        }
    }

    /// The CPU.
    #[must_use]
    pub fn cpu() -> Self {
        Self::named("cpu".into(), BurnDevice::flex())
    }

    #[cfg(feature = "cuda")]
    fn cuda(number: usize) -> Self {
        super::kernel_cache::keep();
        Self::named(format!("cuda:{number}"), BurnDevice::cuda(number))
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda(number: usize) -> Self {
        unreachable!("cuda:{number} is refused in a build without CUDA")
    }

    /// Whatever GPU WebGPU finds, one in software included: for tests of what CUDA runs too.
    #[cfg(feature = "webgpu")]
    #[must_use]
    pub fn webgpu() -> Self {
        super::kernel_cache::keep();
        Self::named("webgpu".into(), BurnDevice::wgpu(burn::tensor::DeviceKind::DefaultDevice))
    }

    /// `cpu` or `cuda:0`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same device with Burn's own operations alone.
    #[must_use]
    pub fn with_reference_kernels(self) -> Self {
        Self { kernels: Kernels::Reference, ..self }
    }

    /// The same device launching every kernel of every step.
    #[must_use]
    pub fn without_recordings(self) -> Self {
        Self { records: false, ..self }
    }

    /// The same device with something in each recording that none can hold: for tests of what follows.
    #[cfg(feature = "webgpu")]
    #[must_use]
    pub fn with_spoilt_recordings(self) -> Self {
        Self { spoils: true, ..self }
    }

    #[cfg(feature = "webgpu")]
    pub(super) fn spoils_recordings(&self) -> bool {
        self.spoils
    }

    /// The same device copying weights where others would round them: for tests of when that is done, on one that cannot
    /// round.
    #[cfg(feature = "webgpu")]
    #[must_use]
    pub fn with_copied_weights(self) -> Self {
        Self { copies: true, ..self }
    }

    #[cfg(feature = "webgpu")]
    pub(super) fn copies_weights(&self) -> bool {
        self.copies
    }

    /// What kind of GPU it is, where CUDA's driver says: `NVIDIA H100 80GB HBM3`.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        #[cfg(feature = "cuda")]
        let model = self.number().and_then(crate::machine::cuda_driver::name);
        #[cfg(not(feature = "cuda"))]
        let model = None;
        model
    }

    /// Bytes of its memory that are free, where CUDA's driver says.
    #[cfg(feature = "gpu")]
    pub(super) fn free_memory(&self) -> Option<u64> {
        #[cfg(feature = "cuda")]
        let free = self.number().and_then(crate::machine::cuda_driver::memory).map(|(free, _)| free);
        #[cfg(not(feature = "cuda"))]
        let free = None;
        free
    }

    /// CUDA's number of it.
    #[cfg(feature = "cuda")]
    fn number(&self) -> Option<usize> {
        self.name.strip_prefix("cuda:")?.parse().ok()
    }

    /// Whether steps may be recorded, where it can.
    #[must_use]
    pub fn records(&self) -> bool {
        self.records
    }

    /// Who computes.
    #[must_use]
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    fn is_cpu(&self) -> bool {
        self.name == "cpu"
    }

    /// Whether it is a GPU, which has memory of its own.
    #[must_use]
    pub fn is_gpu(&self) -> bool {
        !self.is_cpu()
    }

    /// Whether it works while the program goes on, so that to ask it for a number is to wait.
    pub(super) fn works_behind(&self) -> bool {
        self.is_gpu()
    }

    /// For tensors that need no gradient.
    pub(super) fn plain(&self) -> &BurnDevice {
        &self.plain
    }

    /// For tensors that take part in differentiation.
    pub(super) fn differentiating(&self) -> BurnDevice {
        self.plain.clone().autodiff()
    }
}
