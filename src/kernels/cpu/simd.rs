//! The same loops compiled for several instruction sets, picked when the program runs.

/// Defines a function whose body is compiled once for each instruction set that helps, with loops vectorized by the
/// compiler; on 64-bit Arm the baseline has NEON already. Only elementwise loops and sums in a fixed order stand in it,
/// so that every version gives the same bits.
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
                let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                let has_avx512 = is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl");
                // SAFETY: the processor has been asked for these features, and has them.
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
