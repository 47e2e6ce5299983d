//! Explains messages of NVIDIA's driver and compiler, which reach this program only as text.

use std::fmt;

use crate::numbers::bytes;

/// A GPU that cannot be used, or can no longer be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuFault {
    kind: FaultKind,
    /// The line of the message that names the fault.
    line: String,
    /// The whole message.
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    NoCompiler,
    NoDriver,
    NoHeaders,
    OldDriver,
    NoMemory,
    Busy,
    Gone,
    Broken,
    Refused,
}

/// Lower-case substrings of messages that name a fault without a driver error; the first match wins.
const SIGNS: [(FaultKind, &str); 12] = [
    // The library is too old to have this symbol.
    (FaultKind::OldDriver, "missing symbol cu"),
    (FaultKind::NoCompiler, "load the \"nvrtc\""),
    (FaultKind::NoCompiler, "libnvrtc"),
    (FaultKind::NoDriver, "load the \"cuda\""),
    (FaultKind::NoDriver, "libcuda"),
    (FaultKind::NoHeaders, "cuda installation not found"),
    (FaultKind::NoHeaders, "cuda_path"),
    (FaultKind::NoHeaders, "cannot open source file"),
    (FaultKind::NoHeaders, "could not open source file"),
    (FaultKind::NoMemory, OUT_OF_DEVICE_MEMORY),
    (FaultKind::Gone, "device lost"),
    (FaultKind::Gone, "device is lost"),
];

/// What the CUDA runtime reports when the driver has no more memory, followed by the number of bytes requested.
const OUT_OF_DEVICE_MEMORY: &str = "out of device memory allocating ";

/// Errors of the CUDA driver (`CUresult` in `cuda.h`): the part of the name after `CUDA_ERROR_`, and the number.
const ERRORS: [(FaultKind, &str, u32); 30] = [
    (FaultKind::NoMemory, "OUT_OF_MEMORY", 2),
    (FaultKind::NoDriver, "STUB_LIBRARY", 34),
    (FaultKind::OldDriver, "CALL_REQUIRES_NEWER_DRIVER", 36),
    (FaultKind::Busy, "DEVICE_UNAVAILABLE", 46),
    (FaultKind::Gone, "NO_DEVICE", 100),
    (FaultKind::Gone, "INVALID_DEVICE", 101),
    (FaultKind::OldDriver, "NO_BINARY_FOR_GPU", 209),
    (FaultKind::Gone, "ECC_UNCORRECTABLE", 214),
    (FaultKind::Gone, "NVLINK_UNCORRECTABLE", 220),
    (FaultKind::OldDriver, "UNSUPPORTED_PTX_VERSION", 222),
    (FaultKind::Broken, "ILLEGAL_ADDRESS", 700),
    (FaultKind::Broken, "LAUNCH_TIMEOUT", 702),
    (FaultKind::Gone, "CONTEXT_IS_DESTROYED", 709),
    (FaultKind::Broken, "ASSERT", 710),
    (FaultKind::Broken, "HARDWARE_STACK_ERROR", 714),
    (FaultKind::Broken, "ILLEGAL_INSTRUCTION", 715),
    (FaultKind::Broken, "MISALIGNED_ADDRESS", 716),
    (FaultKind::Broken, "INVALID_ADDRESS_SPACE", 717),
    (FaultKind::Broken, "INVALID_PC", 718),
    (FaultKind::Broken, "LAUNCH_FAILED", 719),
    (FaultKind::Gone, "SYSTEM_NOT_READY", 802),
    (FaultKind::OldDriver, "SYSTEM_DRIVER_MISMATCH", 803),
    (FaultKind::OldDriver, "COMPAT_NOT_SUPPORTED_ON_DEVICE", 804),
    (FaultKind::Busy, "MPS_CONNECTION_FAILED", 805),
    (FaultKind::Gone, "MPS_RPC_FAILURE", 806),
    (FaultKind::Busy, "MPS_SERVER_NOT_READY", 807),
    (FaultKind::Busy, "MPS_MAX_CLIENTS_REACHED", 808),
    (FaultKind::Busy, "MPS_MAX_CONNECTIONS_REACHED", 809),
    (FaultKind::Gone, "MPS_CLIENT_TERMINATED", 810),
    (FaultKind::Broken, "UNKNOWN", 999),
];

/// Precedes the error number at the end of a runtime message; the number is the driver's or the compiler's.
const STATUS: &str = " failed with status ";

/// Returns the fault that a line names, and the name of the driver error if the line has only its number.
fn classify(line: &str) -> Option<(FaultKind, Option<&'static str>)> {
    let lower = line.to_lowercase();
    if let Some((kind, _)) = SIGNS.iter().find(|(_, sign)| lower.contains(sign)) {
        return Some((*kind, None));
    }
    ERRORS.iter().find_map(|(kind, name, number)| {
        if gives(line, *number) { Some((*kind, Some(*name))) } else { names(line, name).then_some((*kind, None)) }
    })
}

/// Returns the compiler's first error, if the message is about a kernel that it rejected.
fn compile_error(message: &str) -> Option<(FaultKind, String)> {
    let (_, log) = message.split_once("[Compilation Error]")?;
    let line = log.lines().find(|line| line.contains("error"))?;
    Some((FaultKind::Refused, line.trim().to_string()))
}

/// Strips a panic's own text from a line.
fn without_panic(line: &str) -> &str {
    let line = line.rsplit("called `Result::unwrap()` on an `Err` value: ").next().unwrap_or(line);
    // The location in a library's source.
    line.rsplit_once(" (/").map_or(line, |(text, _)| text).trim()
}

/// Whether a line contains the driver error of this name: `DriverError(CUDA_ERROR_NO_DEVICE, "…")`.
fn names(line: &str, name: &str) -> bool {
    let mut rest = line.split("CUDA_ERROR_").skip(1);
    rest.any(|rest| {
        rest.strip_prefix(name).is_some_and(|end| !end.starts_with(|next: char| next.is_ascii_uppercase() || next == '_'))
    })
}

/// Whether a line contains the driver error of this number: `cuStreamSynchronize failed with status 719`.
fn gives(line: &str, number: u32) -> bool {
    line.split_once(STATUS).is_some_and(|(call, rest)| {
        let digits = rest.split(|next: char| !next.is_ascii_digit()).next().unwrap_or_default();
        !call.contains("nvrtc") && digits.parse() == Ok(number)
    })
}

impl GpuFault {
    /// Classifies a message; returns `None` if it is not about a GPU fault.
    #[must_use]
    pub fn of(message: &str) -> Option<Self> {
        let known = message.lines().find_map(|line| {
            let (kind, name) = classify(line)?;
            let name = name.map(|name| format!(" (CUDA_ERROR_{name})")).unwrap_or_default();
            Some((kind, format!("{}{name}", without_panic(line))))
        });
        // The runtime may report that the device is unusable after an error that is not in the table.
        let poisoned = || {
            message
                .lines()
                .find(|line| line.contains("poisoned"))
                .map(|line| (FaultKind::Broken, without_panic(line).to_string()))
        };
        let (kind, line) = known.or_else(poisoned).or_else(|| compile_error(message))?;
        Some(Self { kind, line, message: message.trim().to_string() })
    }

    /// Returns a description if the GPU ran out of memory.
    #[must_use]
    pub fn out_of_memory(&self) -> Option<String> {
        let asked = self.line.to_lowercase();
        let asked = asked.split_once(OUT_OF_DEVICE_MEMORY).and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        let text = asked.map_or_else(|| self.line.clone(), |asked| format!("the GPU has no {} left", bytes(asked)));
        (self.kind == FaultKind::NoMemory).then_some(text)
    }

    /// Returns the whole message of the driver or the compiler.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns advice for the user.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.kind {
            FaultKind::NoCompiler => {
                "install CUDA's NVRTC (libnvrtc.so, package cuda-nvrtc), and make sure that LD_LIBRARY_PATH names its folder"
            }
            FaultKind::NoDriver => {
                "install NVIDIA's driver; in a container, start it with --gpus all. device = \"cpu\" trains without"
            }
            FaultKind::NoHeaders => {
                "install CUDA's headers (cuda-cudart-dev and cuda-cccl), and name their folder: CUDA_PATH=/usr/local/cuda"
            }
            FaultKind::OldDriver => "the driver must be as new as CUDA: `nvidia-smi` shows the newest CUDA that it supports",
            FaultKind::NoMemory => "`nvidia-smi` shows which processes use the GPU's memory",
            FaultKind::Busy => "another process uses the GPU exclusively: `nvidia-smi` shows which, and the compute mode",
            FaultKind::Gone => {
                "what was saved is intact: `nvidia-smi` shows whether the GPU is back; `gluepot resume` continues, also with --device cpu"
            }
            FaultKind::Refused => {
                "please report it with the log.txt of the run; another version of CUDA or precision = \"fp32\" may work"
            }
            FaultKind::Broken => {
                "what was saved is intact, and `gluepot resume` continues; if it happens again, please report it with the log.txt of the run"
            }
        }
    }
}

impl fmt::Display for GpuFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FaultKind::NoCompiler => "CUDA's runtime compiler (NVRTC) was not found",
            FaultKind::NoDriver => "NVIDIA's driver was not found",
            FaultKind::NoHeaders => "CUDA's headers were not found",
            FaultKind::OldDriver => "NVIDIA's driver is too old for this CUDA",
            FaultKind::NoMemory => "the GPU has too little memory",
            FaultKind::Busy => "the GPU is busy or unavailable",
            FaultKind::Gone => "the GPU is no longer available",
            FaultKind::Broken => "a kernel failed on the GPU",
            FaultKind::Refused => "CUDA's runtime compiler (NVRTC) rejected a kernel",
        };
        // The full message is in the run's log.
        let line: String = self.line.chars().take(160).collect();
        write!(f, "{what}: {line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as printed by cudarc and CubeCL.
    #[test]
    fn messages_of_drivers_and_compilers_are_classified() {
        let cases = [
            (
                "Unable to dynamically load the \"nvrtc\" shared library - searched for library names: [\"nvrtc\"]",
                FaultKind::NoCompiler,
            ),
            (
                "Unable to dynamically load the \"cuda\" shared library - searched for library names: [\"cuda\"]",
                FaultKind::NoDriver,
            ),
            (
                "\n        CUDA installation not found.\n        Please ensure that CUDA is installed and the CUDA_PATH …",
                FaultKind::NoHeaders,
            ),
            ("default_program(1): catastrophic error: cannot open source file \"cuda_fp16.h\"", FaultKind::NoHeaders),
            (
                "called `Result::unwrap()` on an `Err` value: DriverError(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, \"…\")",
                FaultKind::OldDriver,
            ),
            (
                "DriverError(CUDA_ERROR_DEVICE_UNAVAILABLE, \"CUDA-capable device(s) is/are busy or unavailable\")",
                FaultKind::Busy,
            ),
            ("DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")", FaultKind::Gone),
            ("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access was encountered\")", FaultKind::Broken),
            ("A server error:\n  cuStreamSynchronize failed with status 719\nBacktrace:\n", FaultKind::Broken),
            ("cuEventSynchronize failed with status 214", FaultKind::Gone),
            ("cuGraphInstantiate failed with status 2", FaultKind::NoMemory),
            ("Missing symbol cuGraphInstantiateWithParams: libcuda.so.1: undefined symbol", FaultKind::OldDriver),
        ];
        for (message, kind) in cases {
            assert_eq!(GpuFault::of(message).map(|fault| fault.kind), Some(kind), "{message}");
        }
        for other in [
            "index out of bounds: the len is 3 but the index is 3",
            // A compiler error's number, a longer number, a longer name.
            "nvrtcCreateProgram failed with status 2",
            "cuLaunchKernel failed with status 7190",
            "CUDA_ERROR_NO_DEVICES",
        ] {
            assert_eq!(GpuFault::of(other), None, "{other}");
        }
    }

    #[test]
    fn a_fault_is_one_line_with_the_drivers_own_message() {
        let fault = GpuFault::of("\n  DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")\nmore").unwrap();
        assert_eq!(
            fault.to_string(),
            "the GPU is no longer available: DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")"
        );
        let fault = GpuFault::of("An error\n  cuStreamSynchronize failed with status 719\nBacktrace:").unwrap();
        assert_eq!(
            fault.to_string(),
            "a kernel failed on the GPU: cuStreamSynchronize failed with status 719 (CUDA_ERROR_LAUNCH_FAILED)"
        );
        let busy =
            GpuFault::of("called `Result::unwrap()` on an `Err` value: DriverError(CUDA_ERROR_DEVICE_UNAVAILABLE) (/a/b.rs:1)");
        assert_eq!(busy.unwrap().to_string(), "the GPU is busy or unavailable: DriverError(CUDA_ERROR_DEVICE_UNAVAILABLE)");
        let unknown = GpuFault::of("The device is poisoned\nCaused by:\n  cuLaunchKernel failed with status 721").unwrap();
        assert_eq!(unknown.to_string(), "a kernel failed on the GPU: The device is poisoned");
    }

    #[test]
    fn a_refused_kernel_shows_the_compilers_first_error() {
        let message = "A launch error happened\nCaused by:\n  [Compilation Error] \ndefault_program(5): error: identifier \"x\" is undefined\n\
            1 error detected\n[Source]\nextern \"C\" __global__ void k() {}";
        assert_eq!(
            GpuFault::of(message).unwrap().to_string(),
            "CUDA's runtime compiler (NVRTC) rejected a kernel: default_program(5): error: identifier \"x\" is undefined"
        );
    }

    #[test]
    fn memory_that_is_refused_shows_its_size() {
        let of_memory = |message: &str| GpuFault::of(message).and_then(|fault| fault.out_of_memory());
        let full = "An IO error happened\nCaused by:\n  out of device memory allocating 8388608 bytes\nNo backtrace available";
        assert_eq!(of_memory(full).as_deref(), Some("the GPU has no 8.4 MB left"));
        let by_number = of_memory("cuGraphInstantiate failed with status 2").unwrap();
        assert_eq!(by_number, "cuGraphInstantiate failed with status 2 (CUDA_ERROR_OUT_OF_MEMORY)");
        assert_eq!(of_memory("cuLaunchKernel failed with status 719"), None);
    }
}
