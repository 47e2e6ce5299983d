//! The device to train on.

mod backend;
mod cuda_support;
mod faults;

use std::sync::Arc;

use burn::tensor::Device as BurnDevice;
use serde::{Deserialize, Serialize};

use crate::kernels::bf16_instructions;
use crate::models::ReferenceOps;
use crate::settings::{DeviceChoice, Precision};

use backend::{Backend, Cpu, cuda};

pub use cuda_support::{CudaSupport, unused_gpu};
pub use faults::Faults;

#[derive(Clone, Debug)]
pub struct Device {
    backend: Arc<dyn Backend>,
    name: String,
    plain: BurnDevice,
    kernels: Kernels,
    records: bool,
    reference_ops: ReferenceOps,
    faults: Faults,
}

/// Which implementation of the operations to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kernels {
    /// Fused kernels over batches without padding, where the device has them.
    #[default]
    Fused,
    /// Burn's own operations over padded batches: the reference for the fused kernels.
    Reference,
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeviceError {
    #[error(
        "the experiment asks for cuda:{0}, but this gluepot was built without CUDA; build it with `cargo build --release --features cuda`"
    )]
    NotBuilt(usize),
    /// The CUDA device does not exist.
    #[error("the experiment asks for cuda:{asked}, but this machine has {}{}", devices(*.found), because(.why_none.as_ref()))]
    NotThere {
        asked: usize,
        /// Number of devices found.
        found: usize,
        /// Why there are none, if known.
        why_none: Option<String>,
    },
    /// The device has no hardware support for the precision.
    #[error("{device} cannot compute in {}; use precision = \"fp32\"", precision.name())]
    NoPrecision { precision: Precision, device: String },
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

/// Returns the precision in which the device that an experiment asks for multiplies fastest.
#[must_use]
pub fn fastest_precision(choice: DeviceChoice) -> Precision {
    let is_gpu = match choice {
        DeviceChoice::Cuda(_) => true,
        DeviceChoice::Auto => matches!(CudaSupport::find(), CudaSupport::Built { devices, .. } if devices > 0),
        DeviceChoice::Cpu => false,
    };
    if is_gpu || bf16_instructions().is_some() { Precision::Bf16 } else { Precision::Fp32 }
}

impl Device {
    /// Picks the device that an experiment asks for.
    pub fn choose(choice: DeviceChoice, precision: Precision) -> Result<Self, DeviceError> {
        let backend = match (choice, CudaSupport::find()) {
            (DeviceChoice::Auto, CudaSupport::Built { devices, .. }) if devices > 0 => cuda(0)?,
            (DeviceChoice::Auto | DeviceChoice::Cpu, _) => Arc::new(Cpu),
            (DeviceChoice::Cuda(asked), CudaSupport::NotBuilt { .. }) => return Err(DeviceError::NotBuilt(asked)),
            (DeviceChoice::Cuda(asked), CudaSupport::Built { devices: found, why_none }) if asked >= found => {
                return Err(DeviceError::NotThere { asked, found, why_none });
            }
            (DeviceChoice::Cuda(asked), CudaSupport::Built { .. }) => cuda(asked)?,
        };
        let has_precision = match precision {
            Precision::Fp32 => true,
            Precision::Tf32 => backend.is_gpu(),
            // Without these instructions, bf16 products would be f32 products with extra rounding: no faster and less exact.
            Precision::Bf16 => backend.is_gpu() || bf16_instructions().is_some(),
        };
        if !has_precision {
            return Err(DeviceError::NoPrecision { precision, device: "the CPU".into() });
        }
        Ok(Self::of(backend))
    }

    fn of(backend: Arc<dyn Backend>) -> Self {
        let (name, plain) = (backend.name(), backend.burn());
        let (kernels, reference_ops, faults) = (Kernels::Fused, ReferenceOps::default(), Faults::default());
        Self { backend, name, plain, kernels, records: true, reference_ops, faults }
    }

    #[must_use]
    pub fn cpu() -> Self {
        Self::of(Arc::new(Cpu))
    }

    /// The default WebGPU adapter, which may be a software implementation; used to test the code that CUDA shares.
    #[cfg(feature = "webgpu")]
    #[must_use]
    pub fn webgpu() -> Self {
        super::kernel_cache::keep();
        Self::of(Arc::new(backend::WebGpu))
    }

    /// The device name, such as `cpu` or `cuda:0`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same device, using only Burn's own operations.
    #[must_use]
    pub fn with_reference_kernels(self) -> Self {
        Self { kernels: Kernels::Reference, ..self }
    }

    /// The same device, using Burn's own functions for some of the operations that have kernels.
    #[must_use]
    pub fn with_reference_ops(self, reference_ops: ReferenceOps) -> Self {
        Self { reference_ops, ..self }
    }

    /// The operations that use Burn's own functions: those that have no kernel here, or should not use it.
    #[must_use]
    pub fn reference_ops(&self) -> ReferenceOps {
        self.reference_ops
    }

    /// The same device without recordings: every kernel of every step is launched.
    #[must_use]
    pub fn without_recordings(self) -> Self {
        Self { records: false, ..self }
    }

    /// The GPU model, if the CUDA driver reports it: `NVIDIA H100 80GB HBM3`.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        self.backend.model()
    }

    /// Bytes of free device memory, if the CUDA driver reports them.
    #[cfg(feature = "gpu")]
    pub(super) fn free_memory(&self) -> Option<u64> {
        self.backend.free_memory()
    }

    /// Whether steps may be recorded, if the device can record.
    #[must_use]
    pub fn records(&self) -> bool {
        self.records
    }

    /// Which implementation of the operations is used.
    #[must_use]
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Whether the device is a GPU with its own memory.
    #[must_use]
    pub fn is_gpu(&self) -> bool {
        self.backend.is_gpu()
    }

    /// Whether the device runs asynchronously to the host, so that reading a value waits for it.
    pub(super) fn is_asynchronous(&self) -> bool {
        self.is_gpu()
    }

    /// The faults that a test injects.
    pub(super) fn faults(&self) -> Faults {
        self.faults
    }

    /// The Burn device for tensors that need no gradient.
    pub(super) fn plain(&self) -> &BurnDevice {
        &self.plain
    }

    /// The Burn device for tensors that take part in autodiff.
    pub(super) fn differentiating(&self) -> BurnDevice {
        self.plain.clone().autodiff()
    }
}
