//! The backends of this build: what differs between them, in one place for each.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::Device as BurnDevice;

use super::DeviceError;

/// What computes.
pub trait Backend: Debug + Send + Sync {
    /// `cpu` or `cuda:0`.
    fn name(&self) -> String;

    /// Burn's own name for it.
    fn burn(&self) -> BurnDevice;

    /// Whether it is a GPU, which has memory of its own and computes while the program continues.
    fn is_gpu(&self) -> bool;

    /// The product, where the driver says: `NVIDIA H100 80GB HBM3`.
    fn model(&self) -> Option<String> {
        None
    }

    /// Bytes of its memory that are free, where the driver says.
    #[cfg(feature = "gpu")]
    fn free_memory(&self) -> Option<u64> {
        None
    }
}

#[derive(Debug)]
pub struct Cpu;

impl Backend for Cpu {
    fn name(&self) -> String {
        "cpu".into()
    }

    fn burn(&self) -> BurnDevice {
        BurnDevice::flex()
    }

    fn is_gpu(&self) -> bool {
        false
    }
}

/// A GPU of this number, if the build can use one.
#[cfg(feature = "cuda")]
#[expect(clippy::unnecessary_wraps, reason = "a build without CUDA has none")]
pub fn cuda(number: usize) -> Result<Arc<dyn Backend>, DeviceError> {
    crate::train::kernel_cache::keep();
    Ok(Arc::new(Cuda(number)))
}

/// A GPU of this number, if the build can use one.
#[cfg(not(feature = "cuda"))]
pub fn cuda(number: usize) -> Result<Arc<dyn Backend>, DeviceError> {
    Err(DeviceError::NotBuilt(number))
}

#[cfg(feature = "cuda")]
#[derive(Debug)]
struct Cuda(usize);

#[cfg(feature = "cuda")]
impl Backend for Cuda {
    fn name(&self) -> String {
        format!("cuda:{}", self.0)
    }

    fn burn(&self) -> BurnDevice {
        BurnDevice::cuda(self.0)
    }

    fn is_gpu(&self) -> bool {
        true
    }

    fn model(&self) -> Option<String> {
        crate::machine::cuda_driver::name(self.0)
    }

    fn free_memory(&self) -> Option<u64> {
        crate::machine::cuda_driver::memory(self.0).map(|(free, _)| free)
    }
}

/// Whatever GPU WebGPU finds, one in software included.
#[cfg(feature = "webgpu")]
#[derive(Debug)]
pub struct WebGpu;

#[cfg(feature = "webgpu")]
impl Backend for WebGpu {
    fn name(&self) -> String {
        "webgpu".into()
    }

    fn burn(&self) -> BurnDevice {
        BurnDevice::wgpu(burn::tensor::DeviceKind::DefaultDevice)
    }

    fn is_gpu(&self) -> bool {
        true
    }
}
