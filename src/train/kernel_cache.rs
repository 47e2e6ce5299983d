//! The persistent cache of compiled kernels and autotuning results.
//!
//! Without it, every process would recompile about a hundred kernels and time dozens of matrix product variants for each size.
//! CubeCL keeps both in one file per user, keyed by its version, the device and the kernel; processes share the file.

use std::path::PathBuf;
#[cfg(feature = "gpu")]
use std::sync::Once;

/// The contents of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelCache {
    /// The cache file.
    pub path: PathBuf,
    /// Number of compiled kernels and autotuning results.
    pub entries: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Makes CubeCL keep its kernels in the user's cache folder. Must be called before the first use of a GPU.
#[cfg(feature = "gpu")]
pub fn keep() {
    use cubecl::config::RuntimeConfig;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Loading the configuration sets CubeCL's own folder, so it must be loaded before the folder is changed.
        cubecl::config::CubeClRuntimeConfig::get();
        if let Some(caches) = crate::machine::caches::of_user() {
            cubecl::environment::set_root(caches.join("kernels"));
        }
    });
}

impl KernelCache {
    /// The current contents; `None` if the program was built without GPU support.
    #[must_use]
    pub fn find() -> Option<Self> {
        #[cfg(feature = "gpu")]
        {
            use cubecl::environment::{namespaces, path};
            keep();
            let path = path();
            // Listing the namespaces opens the file, and opening creates it.
            let all = if path.exists() { namespaces() } else { Vec::new() };
            Some(Self { path, entries: all.iter().map(|all| all.entries).sum(), bytes: all.iter().map(|all| all.bytes).sum() })
        }
        #[cfg(not(feature = "gpu"))]
        {
            None
        }
    }
}
