//! Free memory and the memory use of processes: from the kernel, and for GPUs from `nvidia-smi`.

use std::fs;
use std::process::Command;

/// Memory that is free, and used by a set of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Free bytes.
    pub free: u64,
    /// The most bytes used by any one of the processes.
    pub largest: u64,
}

/// Returns the bytes of memory that are available, if the kernel reports them.
pub fn available() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// Returns the host's free memory and the peak of the largest of these processes, if the kernel reports them.
pub fn of_machine(processes: &[u32]) -> Option<MemoryInfo> {
    let free = available()?;
    // Peak use, because each process may grow to its peak again.
    Some(MemoryInfo { free, largest: processes.iter().filter_map(|process| peak_bytes(*process)).max()? })
}

/// Returns the peak resident memory of a process in bytes, if the kernel reports it.
pub fn peak_bytes(process: u32) -> Option<u64> {
    kibibytes(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmHWM:")
}

/// Reads a line such as `VmHWM:  123 kB` and returns bytes.
fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Returns the entries of `CUDA_VISIBLE_DEVICES`, as the driver names the GPUs; `None` if it is not set and all are visible.
pub fn visible_gpus() -> Option<Vec<String>> {
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok()?;
    Some(visible.split(',').map(|device| device.trim().to_string()).collect())
}

/// Returns the free memory of the fullest of these GPUs (of all GPUs if empty) and the use by the largest of these processes.
pub fn of_gpus(gpus: &[String], processes: &[u32]) -> Option<MemoryInfo> {
    let of_gpus = ask(gpus, "--query-gpu=memory.free,memory.used")?;
    let of_processes = ask(gpus, "--query-compute-apps=pid,used_memory")?;
    gpu_room(&of_gpus, &of_processes, processes)
}

fn ask(gpus: &[String], query: &str) -> Option<String> {
    let mut command = Command::new("nvidia-smi");
    command.args([query, "--format=csv,noheader,nounits"]);
    if !gpus.is_empty() {
        command.arg(format!("--id={}", gpus.join(",")));
    }
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Parses lines with the free and used MiB of each GPU, and lines with process ids and the MiB that they use.
fn gpu_room(of_gpus: &str, of_processes: &str, processes: &[u32]) -> Option<MemoryInfo> {
    let pairs = |text: &str| -> Vec<(u64, Option<u64>)> {
        let pair = |line: &str| {
            let (first, second) = line.split_once(',')?;
            Some((first.trim().parse().ok()?, second.trim().parse().ok()))
        };
        text.lines().filter_map(pair).collect()
    };
    let of_gpus = pairs(of_gpus);
    let free = of_gpus.iter().map(|(free, _)| *free).min()?;
    let own = pairs(of_processes).into_iter().filter(|(process, _)| processes.iter().any(|own| u64::from(*own) == *process));
    // In a container, the driver's process ids differ from the container's; then these processes share all memory in use.
    let seen = own.filter_map(|(_, used)| used).max();
    let shared = || {
        of_gpus.iter().filter_map(|(_, used)| *used).max().map(|used| used * of_gpus.len() as u64 / processes.len().max(1) as u64)
    };
    let largest = seen.or_else(shared)?;
    Some(MemoryInfo { free: free << 20, largest: largest << 20 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        assert_eq!(kibibytes("MemTotal:       100 kB\nMemAvailable:   24 kB\n", "MemAvailable:"), Some(24 * 1024));
        assert_eq!(kibibytes("Name:\tx\nVmHWM:\t  7 kB\n", "VmHWM:"), Some(7 * 1024));
        assert_eq!(kibibytes("", "VmHWM:"), None);
        let room = of_machine(&[std::process::id()]).unwrap();
        assert!(room.free > 1 << 20 && room.largest > 1 << 20, "{room:?}");
    }

    /// Output lines of `nvidia-smi`.
    #[test]
    fn the_fullest_gpu_and_the_largest_of_our_processes_count() {
        let of_gpus = "143000, 771\n139000, 4771\n";
        let room = gpu_room(of_gpus, "11, 700\n12, 4700\n99, 90000\n", &[11, 12]).unwrap();
        assert_eq!(room, MemoryInfo { free: 139_000 << 20, largest: 4700 << 20 });
        let in_a_container = gpu_room("1000, 600\n", "[Insufficient Permissions], [N/A]\n", &[11, 12]).unwrap();
        assert_eq!(in_a_container, MemoryInfo { free: 1000 << 20, largest: 300 << 20 });
        assert_eq!(gpu_room("", "", &[11]), None);
    }
}
