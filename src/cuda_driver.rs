//! What CUDA's driver says of a GPU.

use cudarc::driver::{CudaContext, result};

/// Its name, such as `NVIDIA H100 80GB HBM3`; none where the driver does not say. No memory of the GPU is taken.
#[must_use]
pub fn name(number: usize) -> Option<String> {
    result::init().ok()?;
    let device = result::device::get(i32::try_from(number).ok()?).ok()?;
    result::device::get_name(device).ok()
}

/// Bytes of its memory that are free, and of all; none where the driver does not say. Whoever does not use the GPU yet takes
/// a little of it while asking.
#[must_use]
pub fn memory(number: usize) -> Option<(u64, u64)> {
    let (free, all) = CudaContext::new(number).ok()?.mem_get_info().ok()?;
    Some((free as u64, all as u64))
}
