//! Dropout as a function of (seed, micro-batch, site, row, element), recomputed in the backward pass instead of stored.

use crate::random::Stream;

/// Blocks of random numbers that are computed together.
pub const LANES: usize = 16;
/// Elements decided by [`LANES`] blocks of four random words.
const GROUP: usize = 4 * LANES;
/// Blocks reserved for a row of attention probabilities: enough for 16,384 keys.
pub(super) const ATTENTION_BLOCKS: u64 = 1 << 12;

/// The dropout of one site in one micro-batch.
///
/// Within a row, element 64·g + 16·w + i uses word w of block 16·g + i, so that 16 lanes of random numbers decide 16
/// neighboring elements. Rows are tokens, counted without padding, so padding does not change a mask.
#[derive(Clone, Copy, Debug)]
pub struct DropoutMask {
    stream: Stream,
    threshold: u32,
    kept: f32,
}

impl DropoutMask {
    /// Creates a dropout with a probability above 0 and below 1.
    #[must_use]
    pub fn new(stream: Stream, probability: f64) -> Self {
        let threshold = (probability * 4_294_967_296.0) as u32;
        Self { stream, threshold, kept: (1.0 / (1.0 - probability)) as f32 }
    }

    /// Returns the generator's key, the site, the threshold below which an element is dropped, and the factor of those kept.
    #[cfg(feature = "gpu")]
    pub(super) fn parts(&self) -> ([u32; 2], u32, u32, f32) {
        let (key, [place, _]) = self.stream.parts();
        // The higher bits hold the batch's number.
        (key, place & 0xFFFF, self.threshold, self.kept)
    }

    /// Fills in the factors of a row of hidden states: 0, or 1 / (1 - probability).
    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub fn hidden_row(&self, row: usize, factors: &mut [f32]) {
        let blocks = factors.len().div_ceil(GROUP) * LANES;
        self.fill(row as u64 * blocks as u64, factors);
    }

    /// Fills in the factors of one query's probabilities in one head.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub fn attention_row(&self, row: usize, head: usize, heads: usize, factors: &mut [f32]) {
        self.fill((row * heads + head) as u64 * ATTENTION_BLOCKS, factors);
    }

    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn fill(&self, first: u64, factors: &mut [f32]) {
        for (group, factors) in factors.chunks_mut(GROUP).enumerate() {
            let words = self.stream.lanes(first + (group * LANES) as u64);
            for (factors, bits) in factors.chunks_mut(LANES).zip(&words) {
                for (factor, bits) in factors.iter_mut().zip(bits) {
                    *factor = if *bits < self.threshold { 0.0 } else { self.kept };
                }
            }
        }
    }
}
