//! Dropout factors on a GPU: the same function of (seed, micro-batch, site, row, element) as on the CPU.

use cubecl::prelude::*;

use crate::kernels::DropoutMask;
use crate::kernels::dropout_mask::ATTENTION_BLOCKS;

/// A dropout, as a kernel argument.
#[derive(CubeType, CubeLaunch, Clone)]
#[expand(derive(Clone))]
pub struct Mask {
    key0: u32,
    key1: u32,
    site: u32,
    threshold: u32,
    kept: f32,
}

/// Returns the launch arguments of a dropout, or of one that keeps everything.
pub fn mask(dropout: Option<&DropoutMask>) -> MaskLaunch {
    let ([key0, key1], site, threshold, kept) = dropout.map_or(([0; 2], 0, 0, 1.0), DropoutMask::parts);
    MaskLaunch::new(key0, key1, site, threshold, kept)
}

/// Computes the factors of the four elements that a Philox4x32-10 block decides, with blocks counted from the row's first.
/// The batch's `number` is read from memory, since it changes between replays.
#[cube]
pub fn factors(mask: &Mask, number: &Tensor<u32>, row: u32, row_blocks: u32, block: u32, out: &mut Array<f32>) {
    let start = row * row_blocks;
    let position = start + block;
    let mut high = u32::mul_hi(row, row_blocks);
    if position < start {
        high += 1u32;
    }
    let mut c0 = position;
    let mut c1 = high;
    let mut c2 = number[0usize] | mask.site;
    let mut c3 = number[1usize];
    let mut k0 = mask.key0;
    let mut k1 = mask.key1;
    for round in 0..10u32 {
        if round > 0u32 {
            k0 += 0x9E37_79B9u32;
            k1 += 0xBB67_AE85u32;
        }
        let high0 = u32::mul_hi(c0, 0xD251_1F53u32);
        let low0 = c0 * 0xD251_1F53u32;
        let high1 = u32::mul_hi(c2, 0xCD9E_8D57u32);
        let low1 = c2 * 0xCD9E_8D57u32;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
    }
    out[0usize] = factor(mask, c0);
    out[1usize] = factor(mask, c1);
    out[2usize] = factor(mask, c2);
    out[3usize] = factor(mask, c3);
}

/// Returns the element of a row that a word of a block decides.
#[cube]
pub fn element(block: u32, word: usize) -> usize {
    (block / 16 * 64 + block % 16) as usize + 16 * word
}

#[cube]
fn factor(mask: &Mask, bits: u32) -> f32 {
    let mut factor = mask.kept;
    if bits < mask.threshold {
        factor = 0.0f32;
    }
    factor
}

/// Returns the number of blocks of a row of hidden states.
pub fn hidden_blocks(d: usize) -> u32 {
    (d.div_ceil(64) * 16) as u32
}

/// Returns the number of blocks reserved for one query's probabilities in one head.
pub fn attention_blocks() -> u32 {
    ATTENTION_BLOCKS as u32
}
