//! What the words of NVIDIA's driver and compiler mean for the person who reads them.

use std::fmt;

/// A GPU that cannot be used, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuFault {
    kind: Kind,
    /// The driver's or the compiler's own words.
    said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NoCompiler,
    NoDriver,
    NoHeaders,
    OldDriver,
    Busy,
    Gone,
    Broken,
}

/// What each kind is known by, in lower case; the first that fits.
const SIGNS: [(Kind, &[&str]); 7] = [
    (Kind::NoCompiler, &["load the \"nvrtc\"", "libnvrtc"]),
    (Kind::NoDriver, &["load the \"cuda\"", "libcuda", "cuda_error_stub_library"]),
    (Kind::NoHeaders, &["cuda installation not found", "cuda_path", "cannot open source file", "could not open source file"]),
    (
        Kind::OldDriver,
        &[
            "cuda_error_insufficient_driver",
            "cuda_error_system_driver_mismatch",
            "cuda_error_unsupported_ptx_version",
            "cuda_error_call_requires_newer_driver",
            "cuda_error_compat_not_supported_on_device",
            "cuda_error_no_binary_for_gpu",
        ],
    ),
    (Kind::Busy, &["cuda_error_device_unavailable", "cuda_error_mps_"]),
    (
        Kind::Gone,
        &[
            "cuda_error_no_device",
            "cuda_error_invalid_device",
            "cuda_error_ecc_uncorrectable",
            "cuda_error_nvlink_uncorrectable",
            "cuda_error_context_is_destroyed",
            "cuda_error_system_not_ready",
            "device lost",
            "device is lost",
        ],
    ),
    (
        Kind::Broken,
        &[
            "cuda_error_illegal_address",
            "cuda_error_illegal_instruction",
            "cuda_error_misaligned_address",
            "cuda_error_launch_failed",
            "cuda_error_launch_timeout",
            "cuda_error_hardware_stack_error",
            "cuda_error_unknown",
        ],
    ),
];

impl GpuFault {
    /// What a message speaks of, if it is of a GPU.
    #[must_use]
    pub fn of(message: &str) -> Option<Self> {
        let lower = message.to_lowercase();
        let (kind, _) = SIGNS.iter().find(|(_, signs)| signs.iter().any(|sign| lower.contains(sign)))?;
        Some(Self { kind: *kind, said: message.trim().into() })
    }

    /// What to do.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.kind {
            Kind::NoCompiler => {
                "install CUDA's NVRTC (libnvrtc.so, of the cuda-nvrtc package), and see that LD_LIBRARY_PATH names its folder"
            }
            Kind::NoDriver => {
                "install NVIDIA's driver; in a container, start it with --gpus all. device = \"cpu\" trains without"
            }
            Kind::NoHeaders => {
                "install CUDA's headers (cuda-cudart-dev and cuda-cccl), and name their folder: CUDA_PATH=/usr/local/cuda"
            }
            Kind::OldDriver => "the driver has to be as new as CUDA: `nvidia-smi` shows the newest CUDA that it runs",
            Kind::Busy => "another process has the GPU for itself: `nvidia-smi` shows which, and its compute mode",
            Kind::Gone => {
                "what was saved is sound: `nvidia-smi` shows whether the GPU is back, `gluepot resume` goes on, and device = \"cpu\" may go on too"
            }
            Kind::Broken => {
                "what was saved is sound, and `gluepot resume` goes on; if it comes again, please report it with the log.txt of the run"
            }
        }
    }
}

impl fmt::Display for GpuFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::NoCompiler => "CUDA's run-time compiler (NVRTC) is not there",
            Kind::NoDriver => "NVIDIA's driver is not there",
            Kind::NoHeaders => "CUDA's headers are not there",
            Kind::OldDriver => "NVIDIA's driver is too old for this CUDA",
            Kind::Busy => "the GPU cannot be had",
            Kind::Gone => "the GPU is gone",
            Kind::Broken => "the GPU gave up on a kernel",
        };
        // The rest of a long message is in the run's log.
        let line = self.said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let said: String = line.chars().take(160).collect();
        write!(f, "{what}: {said}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words as cudarc and CubeCL say them.
    #[test]
    fn the_words_of_drivers_and_compilers_are_told_apart() {
        let cases = [
            (
                "Unable to dynamically load the \"nvrtc\" shared library - searched for library names: [\"nvrtc\"]",
                Kind::NoCompiler,
            ),
            ("Unable to dynamically load the \"cuda\" shared library - searched for library names: [\"cuda\"]", Kind::NoDriver),
            (
                "\n        CUDA installation not found.\n        Please ensure that CUDA is installed and the CUDA_PATH …",
                Kind::NoHeaders,
            ),
            ("default_program(1): catastrophic error: cannot open source file \"cuda_fp16.h\"", Kind::NoHeaders),
            (
                "called `Result::unwrap()` on an `Err` value: DriverError(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, \"…\")",
                Kind::OldDriver,
            ),
            ("DriverError(CUDA_ERROR_DEVICE_UNAVAILABLE, \"CUDA-capable device(s) is/are busy or unavailable\")", Kind::Busy),
            ("DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")", Kind::Gone),
            ("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access was encountered\")", Kind::Broken),
        ];
        for (message, kind) in cases {
            assert_eq!(GpuFault::of(message).map(|fault| fault.kind), Some(kind), "{message}");
        }
        assert_eq!(GpuFault::of("index out of bounds: the len is 3 but the index is 3"), None);
    }

    #[test]
    fn a_fault_is_told_in_a_line_with_the_drivers_own_words() {
        let fault = GpuFault::of("\n  DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")\nmore").unwrap();
        assert_eq!(
            fault.to_string(),
            "the GPU is gone: DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")"
        );
    }
}
