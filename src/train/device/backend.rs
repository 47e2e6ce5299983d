//! The backends of this build; everything that differs between them is here.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::Device as BurnDevice;

use super::DeviceError;

/// A compute backend.
pub trait Backend: Debug + Send + Sync {
    /// The device name, such as `cpu` or `cuda:0`.
    fn name(&self) -> String;

    /// The Burn device.
    fn burn(&self) -> BurnDevice;

    /// Whether it is a GPU: it has its own memory and runs asynchronously to the host.
    fn is_gpu(&self) -> bool;

    /// The product name, if the driver reports it: `NVIDIA H100 80GB HBM3`.
    fn model(&self) -> Option<String> {
        None
    }

    /// Bytes of free device memory, if the driver reports them.
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

/// The CUDA device with this number, if the build supports CUDA.
#[cfg(feature = "cuda")]
#[expect(clippy::unnecessary_wraps, reason = "a build without CUDA has none")]
pub fn cuda(number: usize) -> Result<Arc<dyn Backend>, DeviceError> {
    crate::train::kernel_cache::keep();
    Ok(Arc::new(Cuda(number)))
}

/// The CUDA device with this number, if the build supports CUDA.
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

/// The default WebGPU adapter, which may be a software implementation.
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
