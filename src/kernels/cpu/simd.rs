//! Loops compiled for several instruction sets, one of which is chosen at run time.

/// Returns the instruction set that kernels use on this CPU: `avx512`, `avx2`, `neon` or `baseline`. Matrix products select
/// by the same features, and round differently with each.
#[must_use]
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx2() {
            return if has_avx512() { "avx512" } else { "avx2" };
        }
    }
    if cfg!(target_arch = "aarch64") { "neon" } else { "baseline" }
}

/// Whether the CPU has the features of the AVX2 versions.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Whether the CPU has the features of the AVX-512 versions beyond AVX2.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

/// Defines a function whose body is compiled once per useful instruction set, with loops vectorized by the compiler; on
/// 64-bit Arm the baseline already includes NEON. The body should contain only elementwise loops and sums in a fixed order,
/// so that every version returns the same bits.
macro_rules! vectorized {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $visibility fn $name($($argument: $type),*) $(-> $out)? {
            #[inline(always)]
            #[allow(clippy::inline_always)]
            fn body($($argument: $type),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512($($argument: $type),*) $(-> $out)? {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) $(-> $out)? {
                    body($($argument),*)
                }
                let (has_avx2, has_avx512) = ($crate::kernels::cpu::simd::has_avx2(), $crate::kernels::cpu::simd::has_avx512());
                // SAFETY: these features were detected on this CPU.
                #[allow(unsafe_code)]
                if has_avx2 && has_avx512 {
                    return unsafe { avx512($($argument),*) };
                }
                // SAFETY: as above.
                #[allow(unsafe_code)]
                if has_avx2 {
                    return unsafe { avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}

pub(super) use vectorized;
