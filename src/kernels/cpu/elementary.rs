//! Branch-free exp and erf, so that loops over them vectorize.
// Coefficients as published, with more digits than an f32 holds.
#![allow(clippy::excessive_precision)]

/// Returns e^x to about 1 ulp, as 2^k times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes, `expf`).
///
/// Returns 0 below -87.3, where the normal numbers end, and saturates at e^88.3 above 88.3.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn exp(x: f32) -> f32 {
    // Adding this rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let bounded = x.clamp(-87.3, 88.3);
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    // ln 2 is split in two, so that the product with k is exact.
    let r = bounded - k * 0.693_359_375 + k * 2.121_944_4e-4;
    let polynomial = 1.987_569_15e-4_f32;
    let polynomial = polynomial * r + 1.398_199_95e-3;
    let polynomial = polynomial * r + 8.333_451_9e-3;
    let polynomial = polynomial * r + 4.166_579_6e-2;
    let polynomial = polynomial * r + 1.666_666_55e-1;
    let polynomial = polynomial * r + 5.000_000_1e-1;
    let value = polynomial * (r * r) + r + 1.0;
    let power = f32::from_bits(((shifted.to_bits().wrapping_sub(ROUND.to_bits())) << 23).wrapping_add(1.0_f32.to_bits()));
    if x < -87.3 { 0.0 } else { value * power }
}

/// Returns erf(x) as x · P(x²) / Q(x²) on [-4, 4] and ±1 outside: the rational approximation of the f32 erf in Eigen and XLA.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let p = -2.726_142_258_013_06e-10_f32;
    let p = p * s + 2.770_681_424_959_02e-8;
    let p = p * s - 2.101_024_020_825_08e-6;
    let p = p * s - 5.692_506_394_623_46e-5;
    let p = p * s - 7.349_906_303_268_55e-4;
    let p = p * s - 2.954_599_808_540_25e-3;
    let p = p * s - 1.609_603_332_624_15e-2;
    let q = -1.456_607_184_649_96e-5_f32;
    let q = q * s - 2.133_740_552_789_05e-4;
    let q = q * s - 1.682_826_974_382_03e-3;
    let q = q * s - 7.373_329_167_204_68e-3;
    let q = q * s - 1.426_473_905_141_89e-2;
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_that_of_doubles() {
        let worst = (-8700..8800)
            .map(|n| n as f32 / 100.0 + 0.003)
            .map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2.5e-7, "{worst:e}");
        assert_eq!((exp(0.0), exp(f32::NEG_INFINITY), exp(-1000.0)), (1.0, 0.0, 0.0));
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn erf_is_that_of_doubles() {
        let worst = (-6000..6000)
            .map(|n| n as f32 / 1000.0 + 0.0003)
            .map(|x| (f64::from(erf(x)) - statrs::function::erf::erf(f64::from(x))).abs())
            .fold(0.0, f64::max);
        assert!(worst < 4e-7, "{worst:e}");
    }
}
