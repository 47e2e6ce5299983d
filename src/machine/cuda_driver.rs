//! What CUDA's driver says of a GPU.

use cudarc::driver::{CudaContext, result, sys};

/// Why the driver shows no GPU at all, where that is not for want of one.
#[must_use]
pub fn why_none() -> Option<String> {
    // SAFETY: it opens the driver's library, as the first call of any program that uses CUDA does.
    #[allow(unsafe_code)]
    let is_there = unsafe { sys::is_culib_present() };
    if !is_there {
        return Some("NVIDIA's driver (libcuda.so) was not found".into());
    }
    result::init().err().map(|error| format!("NVIDIA's driver says {:?}", error.0))
}

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
