//! Compiled kernels, and what was measured to choose among them, kept from one process to the next.
//!
//! Without it every process would compile some hundred kernels again, and time dozens of ways to multiply matrices of each
//! size. CubeCL keeps both in one file for each user, by its version, the device, and the kernel; processes share it.

use std::path::PathBuf;
#[cfg(feature = "gpu")]
use std::sync::Once;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelCache {
    /// The file.
    pub path: PathBuf,
    /// Compiled kernels and choices.
    pub entries: u64,
    /// Their size.
    pub bytes: u64,
}

/// Makes CubeCL keep its kernels in the user's folder for caches. Has to come before the first use of a GPU.
#[cfg(feature = "gpu")]
pub fn keep() {
    use cubecl::config::RuntimeConfig;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Loading the configuration chooses a folder of its own, so that it has to be done by then.
        cubecl::config::CubeClRuntimeConfig::get();
        if let Some(caches) = crate::machine::caches::of_user() {
            cubecl::environment::set_root(caches.join("kernels"));
        }
    });
}

impl KernelCache {
    /// What is kept now; none where the program has no kernels for GPUs.
    #[must_use]
    pub fn find() -> Option<Self> {
        #[cfg(feature = "gpu")]
        {
            use cubecl::environment::{namespaces, path};
            keep();
            let path = path();
            // To ask is to open, and to open is to make.
            let all = if path.exists() { namespaces() } else { Vec::new() };
            Some(Self { path, entries: all.iter().map(|all| all.entries).sum(), bytes: all.iter().map(|all| all.bytes).sum() })
        }
        #[cfg(not(feature = "gpu"))]
        {
            None
        }
    }
}
