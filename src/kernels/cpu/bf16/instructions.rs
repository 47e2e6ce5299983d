//! Which instructions multiply bf16 numbers on this CPU.

use std::sync::LazyLock;

/// Instructions that multiply bf16 numbers and add the products up in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// AMX-BF16: tiles of 16 × 16 sums.
    Amx,
    /// AVX512-BF16: vectors of 16 sums.
    Avx512,
}

static FASTEST: LazyLock<Option<Instructions>> =
    LazyLock::new(|| [Instructions::Amx, Instructions::Avx512].into_iter().find(|instructions| instructions.are_supported()));

impl Instructions {
    /// Returns the fastest ones of this CPU, or `None` if it has none.
    pub fn fastest() -> Option<Self> {
        *FASTEST
    }

    /// Whether this CPU has them, and the system lets this process use them.
    pub fn are_supported(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            match self {
                Self::Amx => super::amx::is_supported(),
                Self::Avx512 => super::super::simd::has_avx512() && is_x86_feature_detected!("avx512bf16"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            false
        }
    }

    /// Returns the name: `amx` or `avx512_bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amx => "amx",
            Self::Avx512 => "avx512_bf16",
        }
    }
}
