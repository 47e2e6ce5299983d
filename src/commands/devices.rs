//! `gluepot devices`.

use super::print;
#[cfg(feature = "cuda")]
use crate::cuda_driver;
use crate::failure::Outcome;
use crate::report::{bytes, count};
use crate::train::{CudaSupport, KernelCache};

/// A line of a GPU.
fn gpu(number: usize) -> String {
    let line = format!("cuda:{number}");
    #[cfg(feature = "cuda")]
    if let Some(name) = cuda_driver::name(number) {
        let memory = cuda_driver::memory(number).map(|(free, all)| format!(", {} of {} free", bytes(free), bytes(all)));
        return format!("{line}  {name}{}", memory.unwrap_or_default());
    }
    line
}

/// Lists the devices that can train.
pub fn devices() -> Outcome<()> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut lines = vec![format!("cpu     {} threads, {}", threads, std::env::consts::ARCH)];
    match CudaSupport::find() {
        CudaSupport::Built { devices: 0, why_none } => {
            let why = why_none.map_or(String::new(), |why| format!(": {why}"));
            lines.push(format!("cuda    none found{why}; `nvidia-smi` shows what the driver sees"));
        }
        CudaSupport::Built { devices, .. } => lines.extend((0..devices).map(gpu)),
        CudaSupport::NotBuilt { machine_has_gpu } => {
            let machine = if machine_has_gpu { "this machine has an NVIDIA GPU, but " } else { "" };
            lines.push(format!("cuda    {machine}this gluepot was built without CUDA: cargo build --release --features cuda"));
        }
    }
    lines.extend(KernelCache::find().map(|cache| match cache.entries {
        0 => format!("kernels are compiled and tuned at the first use, and kept in {}", cache.path.display()),
        entries => {
            format!("kernels {} compiled or tuned, {} in {}", count(entries), bytes(cache.bytes), cache.path.display())
        }
    }));
    print(&lines.join("\n"))
}
