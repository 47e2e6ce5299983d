//! Queries to the CUDA driver about GPUs.

use cudarc::driver::{CudaContext, result, sys};

/// Returns why the driver cannot be used; `None` if it works and there may simply be no GPU.
#[must_use]
pub fn why_none() -> Option<String> {
    // SAFETY: this loads the driver's library, as the first call of any CUDA program does.
    #[allow(unsafe_code)]
    let is_there = unsafe { sys::is_culib_present() };
    if !is_there {
        return Some("NVIDIA's driver (libcuda.so) was not found".into());
    }
    result::init().err().map(|error| format!("NVIDIA's driver says {:?}", error.0))
}

/// Returns the GPU's name, such as `NVIDIA H100 80GB HBM3`, if the driver reports it. Uses no GPU memory.
#[must_use]
pub fn name(number: usize) -> Option<String> {
    result::init().ok()?;
    let device = result::device::get(i32::try_from(number).ok()?).ok()?;
    result::device::get_name(device).ok()
}

/// Returns the free and the total bytes of the GPU's memory, if the driver reports them. In a process that does not use the
/// GPU yet, the query itself takes a little of that memory.
#[must_use]
pub fn memory(number: usize) -> Option<(u64, u64)> {
    let (free, all) = CudaContext::new(number).ok()?.mem_get_info().ok()?;
    Some((free as u64, all as u64))
}
