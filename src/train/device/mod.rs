//! The device to train on.

mod backend;
mod cuda_support;
mod faults;

use std::sync::Arc;

use burn::tensor::Device as BurnDevice;
use serde::{Deserialize, Serialize};

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

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeviceError {
    #[error(
        "the experiment asks for cuda:{0}, but this gluepot was built without CUDA; build it with `cargo build --release --features cuda`"
    )]
    NotBuilt(usize),
    /// No such device.
    #[error("the experiment asks for cuda:{asked}, but this machine has {}{}", devices(*.found), because(.why_none.as_ref()))]
    NotThere {
        asked: usize,
        /// Devices there.
        found: usize,
        /// Why there are none, where that is known.
        why_none: Option<String>,
    },
    /// A precision without hardware for it.
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
        // The CPU's bf16 products are f32 products with extra roundings: no faster, and less exact. It has no TF32.
        if precision != Precision::Fp32 && !backend.is_gpu() {
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

    /// Whatever GPU WebGPU finds, one in software included: for tests of what CUDA runs too.
    #[cfg(feature = "webgpu")]
    #[must_use]
    pub fn webgpu() -> Self {
        super::kernel_cache::keep();
        Self::of(Arc::new(backend::WebGpu))
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

    /// The same device with Burn's own functions for some operations that it has kernels for.
    #[must_use]
    pub fn with_reference_ops(self, reference_ops: ReferenceOps) -> Self {
        Self { reference_ops, ..self }
    }

    /// The operations that run by Burn's own functions although there are kernels for them.
    #[must_use]
    pub fn reference_ops(&self) -> ReferenceOps {
        self.reference_ops
    }

    /// The same device launching every kernel of every step.
    #[must_use]
    pub fn without_recordings(self) -> Self {
        Self { records: false, ..self }
    }

    /// The kind of GPU, where CUDA's driver says: `NVIDIA H100 80GB HBM3`.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        self.backend.model()
    }

    /// Bytes of its memory that are free, where CUDA's driver says.
    #[cfg(feature = "gpu")]
    pub(super) fn free_memory(&self) -> Option<u64> {
        self.backend.free_memory()
    }

    /// Whether steps may be recorded, where it can.
    #[must_use]
    pub fn records(&self) -> bool {
        self.records
    }

    /// Which implementations compute.
    #[must_use]
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Whether it is a GPU, which has memory of its own.
    #[must_use]
    pub fn is_gpu(&self) -> bool {
        self.backend.is_gpu()
    }

    /// Whether it computes while the program continues, so that to read a number is to wait.
    pub(super) fn is_asynchronous(&self) -> bool {
        self.is_gpu()
    }

    /// What goes wrong on purpose, in tests.
    pub(super) fn faults(&self) -> Faults {
        self.faults
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
