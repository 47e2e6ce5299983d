//! The devices that can train, as `gluepot devices` lists them.

use serde_json::{Value, json};

#[cfg(feature = "cuda")]
use crate::machine::cuda_driver;
use crate::numbers::{bytes, count};
use crate::train::{CudaSupport, KernelCache};

/// The devices of this machine.
pub struct DeviceList {
    threads: usize,
    support: CudaSupport,
    gpus: Vec<Gpu>,
    cache: Option<KernelCache>,
}

impl DeviceList {
    /// Queries the system and the drivers.
    #[must_use]
    pub fn find() -> Self {
        let support = CudaSupport::find();
        let gpus: Vec<Gpu> = match support {
            CudaSupport::Built { devices, .. } => (0..devices).map(Gpu::find).collect(),
            CudaSupport::NotBuilt { .. } => Vec::new(),
        };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, support, gpus, cache: KernelCache::find() }
    }

    /// Returns the list as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let cpu = json!({ "device": "cpu", "threads": self.threads, "architecture": std::env::consts::ARCH });
        let devices: Vec<Value> = std::iter::once(cpu).chain(self.gpus.iter().map(Gpu::json)).collect();
        let built = matches!(self.support, CudaSupport::Built { .. });
        let cache = self.cache.as_ref();
        let cache = cache.map(|cache| json!({ "path": cache.path, "entries": cache.entries, "bytes": cache.bytes }));
        json!({ "devices": devices, "built_with_cuda": built, "kernel_cache": cache })
    }

    /// Formats the list for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![format!("cpu     {} threads, {}", self.threads, std::env::consts::ARCH)];
        match &self.support {
            CudaSupport::Built { devices: 0, why_none } => {
                let why = why_none.as_ref().map_or(String::new(), |why| format!(": {why}"));
                lines.push(format!("cuda    none found{why}; `nvidia-smi` shows what the driver sees"));
            }
            CudaSupport::Built { .. } => lines.extend(self.gpus.iter().map(Gpu::text)),
            CudaSupport::NotBuilt { machine_has_gpu } => {
                let machine = if *machine_has_gpu { "this machine has an NVIDIA GPU, but " } else { "" };
                lines
                    .push(format!("cuda    {machine}this gluepot was built without CUDA: cargo build --release --features cuda"));
            }
        }
        lines.extend(self.cache.as_ref().map(|cache| match cache.entries {
            0 => format!("kernels are compiled and tuned on first use and kept in {}", cache.path.display()),
            entries => {
                format!("kernels {} compiled or tuned, {} in {}", count(entries), bytes(cache.bytes), cache.path.display())
            }
        }));
        lines.join("\n")
    }
}

/// A GPU: its name, and its free and total memory in bytes, as far as the driver reports them.
struct Gpu {
    number: usize,
    name: Option<String>,
    memory: Option<(u64, u64)>,
}

impl Gpu {
    fn find(number: usize) -> Self {
        #[cfg(feature = "cuda")]
        return Self { number, name: cuda_driver::name(number), memory: cuda_driver::memory(number) };
        #[cfg(not(feature = "cuda"))]
        Self { number, name: None, memory: None }
    }

    fn text(&self) -> String {
        let memory = self.memory.map(|(free, all)| format!(", {} of {} free", bytes(free), bytes(all)));
        let name = self.name.as_ref().map(|name| format!("  {name}{}", memory.unwrap_or_default()));
        format!("cuda:{}{}", self.number, name.unwrap_or_default())
    }

    fn json(&self) -> Value {
        let (free, all) = self.memory.unzip();
        json!({ "device": format!("cuda:{}", self.number), "name": self.name, "memory_bytes": all, "free_memory_bytes": free })
    }
}
