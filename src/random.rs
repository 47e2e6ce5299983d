//! Random numbers as pure functions of a seed and a place, so that they do not depend on the order of evaluation, the number of
//! threads, or interruptions.
//!
//! The generator is Philox4x32-10 from Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC'11),
//! which cuRAND and PyTorch's GPU dropout also use.

use statrs::function::erf::{erf, erf_inv};

/// What random numbers are used for. Streams for different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// The order of the training examples; place: the epoch.
    Order = 1,
    /// Initial weights; place: the parameter's index.
    Weights = 2,
    /// Dropout masks; place: the micro-batch and the layer.
    Dropout = 3,
    /// Variants of a random sweep; place: the index of the draw and the axis.
    Sweep = 4,
    /// The validation share of a task's training files; place: the class.
    Split = 5,
    /// Resamples of predictions; place: the number of the resample.
    Bootstrap = 6,
}

/// A sequence of random numbers with random access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
    /// The two counter words that encode the place; the other two are the position.
    place: [u32; 2],
}

impl Stream {
    /// The sequence for one seed, purpose and place.
    ///
    /// `major` may use 48 bits and `minor` 16.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, major: u64, minor: u16) -> Self {
        // The purpose enters the key as a bijection of the seed: an added multiple of an odd constant.
        let key = seed.wrapping_add((purpose as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let place = (major << 16) | u64::from(minor);
        Self { key: split(key), place: split(place) }
    }

    /// The generator's key, and the counter words that encode the place.
    #[must_use]
    pub fn parts(&self) -> ([u32; 2], [u32; 2]) {
        (self.key, self.place)
    }

    /// The four random words of the block at `position`.
    #[must_use]
    pub fn block(&self, position: u64) -> [u32; 4] {
        let [low, high] = split(position);
        philox([low, high, self.place[0], self.place[1]], self.key)
    }

    /// The blocks at `first` and the following fifteen positions, word by word: `[word][block]`.
    #[inline(always)]
    // Indexed loops over lanes, so that the compiler vectorizes them.
    #[allow(clippy::inline_always, clippy::needless_range_loop)]
    #[must_use]
    pub fn lanes(&self, first: u64) -> [[u32; 16]; 4] {
        let mut counter = [[0; 16], [0; 16], [self.place[0]; 16], [self.place[1]; 16]];
        for lane in 0..16 {
            let position = first.wrapping_add(lane as u64);
            counter[0][lane] = position as u32;
            counter[1][lane] = (position >> 32) as u32;
        }
        let mut key = self.key;
        for round in 0..10 {
            if round > 0 {
                key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
            }
            let [c0, c1, c2, c3] = counter;
            for lane in 0..16 {
                let (a, b) = (u64::from(c0[lane]) * 0xD251_1F53, u64::from(c2[lane]) * 0xCD9E_8D57);
                counter[0][lane] = (b >> 32) as u32 ^ c1[lane] ^ key[0];
                counter[1][lane] = b as u32;
                counter[2][lane] = (a >> 32) as u32 ^ c3[lane] ^ key[1];
                counter[3][lane] = a as u32;
            }
        }
        counter
    }

    /// A random number in `0..bound`, for draw number `index`.
    #[must_use]
    pub fn below(&self, index: u64, bound: u64) -> u64 {
        let [a, b, ..] = self.block(index);
        let wide = u128::from(u64::from(a) | (u64::from(b) << 32)) * u128::from(bound);
        // Multiply-and-shift; the bias is below bound / 2^64.
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Draw number `index` from the uniform distribution on (0, 1).
    #[must_use]
    pub fn unit(&self, index: u64) -> f64 {
        let [a, b, ..] = self.block(index);
        // 52 bits plus one half: exact in an f64, and symmetric.
        let bits = (u64::from(a) | (u64::from(b) << 32)) >> 12;
        (bits as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// `0..n` in random order (Fisher–Yates shuffle).
    #[must_use]
    pub fn permutation(&self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            let other = usize::try_from(self.below(last as u64, last as u64 + 1)).unwrap_or(0);
            order.swap(last, other);
        }
        order
    }

    /// `n` draws from the normal distribution with mean 0 (Box–Muller).
    #[must_use]
    pub fn normal(&self, n: usize, standard_deviation: f64) -> Vec<f32> {
        let mut values = Vec::with_capacity(n + 3);
        for position in 0..n.div_ceil(4) as u64 {
            let [a, b, c, d] = self.block(position).map(open_unit);
            for (radius, angle) in [(a, b), (c, d)] {
                let radius = standard_deviation * (-2.0 * radius.ln()).sqrt();
                let angle = std::f64::consts::TAU * angle;
                values.push((radius * angle.cos()) as f32);
                values.push((radius * angle.sin()) as f32);
            }
        }
        values.truncate(n);
        values
    }

    /// `n` draws from the normal distribution with mean 0, without its parts beyond `cutoff` standard deviations.
    #[must_use]
    pub fn truncated_normal(&self, n: usize, standard_deviation: f64, cutoff: f64) -> Vec<f32> {
        use std::f64::consts::SQRT_2;
        let mut values = self.normal(n, standard_deviation);
        let within = erf(cutoff / SQRT_2);
        let farthest = (cutoff * standard_deviation) as f32;
        for (index, value) in values.iter_mut().enumerate().filter(|(_, value)| value.abs() > farthest) {
            // A second draw, by the inverse of the distribution function. The first ones used positions below n.
            let quantile = (2.0 * self.unit((n + index) as u64) - 1.0) * within;
            *value = ((erf_inv(quantile) * SQRT_2 * standard_deviation) as f32).clamp(-farthest, farthest);
        }
        values
    }
}

/// A number strictly between 0 and 1.
fn open_unit(bits: u32) -> f64 {
    (f64::from(bits) + 0.5) / 4_294_967_296.0
}

fn split(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

/// Philox4x32 with ten rounds.
#[must_use]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let [low0, high0] = split(u64::from(counter[0]) * 0xD251_1F53);
        let [low1, high1] = split(u64::from(counter[2]) * 0xCD9E_8D57);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with Random123 (`kat_vectors`).
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn lanes_are_blocks() {
        let stream = Stream::new(42, Purpose::Dropout, 7, 3);
        for first in [0, 100, u64::from(u32::MAX) - 3] {
            let lanes = stream.lanes(first);
            for lane in 0..16_usize {
                assert_eq!(lanes.map(|word| word[lane]), stream.block(first + lane as u64));
            }
        }
    }

    #[test]
    fn a_permutation_holds_every_number_once_and_depends_on_its_place() {
        let first = Stream::new(42, Purpose::Order, 0, 0).permutation(1000);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        assert_eq!(first, Stream::new(42, Purpose::Order, 0, 0).permutation(1000));
        for other in [
            Stream::new(42, Purpose::Order, 1, 0),
            Stream::new(43, Purpose::Order, 0, 0),
            Stream::new(42, Purpose::Weights, 0, 0),
        ] {
            assert_ne!(first, other.permutation(1000));
        }
    }

    /// Each position must hold each element equally often: a chi-square test against the 99.99% quantile.
    #[test]
    fn permutations_are_uniform() {
        let (n, draws) = (6_usize, 12_000_u64);
        let mut counts = vec![0_u32; n * n];
        for epoch in 0..draws {
            for (position, element) in Stream::new(7, Purpose::Order, epoch, 0).permutation(n).into_iter().enumerate() {
                counts[position * n + element] += 1;
            }
        }
        let expected = draws as f64 / n as f64;
        let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // 25 degrees of freedom: the 99.99% quantile is 59.1 (scipy.stats.chi2.ppf(0.9999, 25)).
        assert!(chi_square < 59.1, "chi-square {chi_square}");
    }

    #[test]
    fn normal_draws_have_the_moments_of_the_normal_distribution() {
        let values = Stream::new(1, Purpose::Weights, 3, 0).normal(200_001, 0.02);
        assert_eq!(values.len(), 200_001);
        let n = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let moment = |power: i32| values.iter().map(|v| (f64::from(*v) / 0.02).powi(power)).sum::<f64>() / n;
        assert!(mean.abs() < 0.02 * 4.0 / n.sqrt(), "mean {mean}");
        assert!((moment(2) - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 4.0 * (96.0 / n).sqrt(), "fourth moment {}", moment(4));
    }

    /// Against scipy.stats.truncnorm(-2, 2): the moments, and the share within one standard deviation.
    #[test]
    fn truncated_draws_have_the_moments_of_the_truncated_distribution() {
        let values = Stream::new(1, Purpose::Weights, 3, 0).truncated_normal(200_001, 0.02, 2.0);
        let scaled: Vec<f64> = values.iter().map(|value| f64::from(*value) / 0.02).collect();
        let n = scaled.len() as f64;
        let moment = |power: i32| scaled.iter().map(|value| value.powi(power)).sum::<f64>() / n;
        assert!(scaled.iter().all(|value| value.abs() <= 2.000_001));
        assert!(moment(1).abs() < 4.0 * (0.773_741 / n).sqrt(), "mean {}", moment(1));
        let deviation = ((1.416_189 - 0.773_741_f64.powi(2)) / n).sqrt();
        assert!((moment(2) - 0.773_741).abs() < 4.0 * deviation, "variance {}", moment(2));
        let share = scaled.iter().filter(|value| value.abs() < 1.0).count() as f64 / n;
        assert!((share - 0.715_233).abs() < 4.0 * (0.715_233 * 0.284_767 / n).sqrt(), "{share}");
    }
}
