//! Tiles whose products must be the same bytes on a processor with AMX, in Bochs and in the emulator of these tests.
//!
//! `tests/reference/amx` computes them in Bochs, without an operating system: nothing here may need `std`.

use std::fmt::{Result, Write};

/// Numbers from one row of the result to the next.
const STRIDE: usize = 40;

/// Writes a line for each case: its blocks, rows and columns, whether sums are added, and a checksum of the result's bits.
///
/// # Errors
/// Those of `to`.
pub fn write_checksums(
    mut multiply: impl FnMut([&[u32]; 2], &mut [f32], usize, [usize; 2], bool),
    to: &mut impl Write,
) -> Result {
    let mut draw = xorshift();
    for blocks in 1..=4 {
        for size in [[32, 32], [31, 32], [32, 7], [1, 1], [17, 16], [16, 17], [32, 16], [16, 32]] {
            for adds in [false, true] {
                let mut panels = [[0; 4 * 512]; 2];
                for pair in panels.iter_mut().flat_map(|panel| &mut panel[..blocks * 512]) {
                    *pair = bf16(draw()) << 16 | bf16(draw());
                }
                let mut out = [0.0; 32 * STRIDE];
                for number in &mut out {
                    *number = f32::from_bits(bf16(draw()) << 16 | 0x1234);
                }
                let [rows, columns] = &panels;
                multiply([&rows[..blocks * 512], &columns[..blocks * 512]], &mut out, STRIDE, size, adds);
                let [rows, columns] = size;
                writeln!(to, "{blocks} {rows} {columns} {adds} {:016x}", checksum(&out))?;
            }
        }
    }
    Ok(())
}

/// The generator of Marsaglia, *Xorshift RNGs* (2003), with shifts of 13, 7 and 17.
fn xorshift() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Returns the bits of a number of magnitude 2⁻⁷ to 8, or, once in 16, of a zero of either sign.
fn bf16(drawn: u64) -> u32 {
    let sign = drawn as u32 & 0x8000;
    let exponent = 120 + (drawn >> 16) as u32 % 10;
    if drawn >> 60 == 0 { sign } else { sign | exponent << 7 | drawn as u32 & 0x7f }
}

/// FNV-1a of 64 bits over the bits of each number.
fn checksum(numbers: &[f32]) -> u64 {
    let bytes = numbers.iter().flat_map(|number| number.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
