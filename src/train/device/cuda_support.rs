//! CUDA support of this build and this machine.

use std::path::Path;

/// CUDA support of this build and this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CudaSupport {
    /// The program was built without the feature `cuda`.
    NotBuilt {
        /// Whether the machine has an NVIDIA GPU anyway.
        machine_has_gpu: bool,
    },
    /// The program was built with CUDA.
    Built {
        /// Number of CUDA devices found.
        devices: usize,
        /// Why there are none, if known.
        why_none: Option<String>,
    },
}

impl CudaSupport {
    /// Detects CUDA devices without creating a CUDA context.
    #[cfg(feature = "cuda")]
    #[must_use]
    pub fn find() -> Self {
        let devices = burn::tensor::Device::enumerate(burn::tensor::DeviceType::Cuda).len();
        let why_none = if devices == 0 { crate::machine::cuda_driver::why_none() } else { None };
        Self::Built { devices, why_none }
    }

    /// Checks only whether the machine has an NVIDIA GPU.
    #[cfg(not(feature = "cuda"))]
    #[must_use]
    pub fn find() -> Self {
        Self::NotBuilt { machine_has_gpu: machine_has_nvidia_gpu() }
    }
}

/// Whether the kernel's NVIDIA driver exposes a device.
fn machine_has_nvidia_gpu() -> bool {
    Path::new("/dev/nvidia0").exists() || Path::new("/proc/driver/nvidia/gpus").is_dir()
}

/// A message for users whose machine has an NVIDIA GPU that this program cannot use.
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
