//! `gluepot devices`.

use super::print;
use crate::train::CudaSupport;

/// Lists the devices that can train.
pub fn devices() {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut lines = vec![format!("cpu     {} threads, {}", threads, std::env::consts::ARCH)];
    match CudaSupport::find() {
        CudaSupport::Built { devices: 0 } => lines.push("cuda    none found; `nvidia-smi` shows what the driver sees".into()),
        CudaSupport::Built { devices } => lines.extend((0..devices).map(|number| format!("cuda:{number}"))),
        CudaSupport::NotBuilt { machine_has_gpu } => {
            let machine = if machine_has_gpu { "this machine has an NVIDIA GPU, but " } else { "" };
            lines.push(format!("cuda    {machine}this gluepot was built without CUDA: cargo build --release --features cuda"));
        }
    }
    print(&lines.join("\n"));
}
