//! A tile of a product by AMX-BF16: 32 × 32 sums in four of the eight tile registers, each of 16 rows of 64 bytes.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;

/// Rows and columns of a tile.
pub const TILE: [usize; 2] = [32, 32];
/// Pairs of a tile register's row of factors.
pub const PAIRS: usize = 16;

/// Whether this CPU has the instructions, and the system lets this process use them.
pub fn is_supported() -> bool {
    /// Bits of EDX in leaf 7 of CPUID.
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    let features = __cpuid_count(7, 0).edx;
    features & AMX_BF16 != 0 && features & AMX_TILE != 0 && may_use_tiles()
}

/// Asks Linux for the tile registers, whose state it saves only for processes that ask.
#[cfg(target_os = "linux")]
fn may_use_tiles() -> bool {
    // Both from Linux' Documentation/arch/x86/xstate.rst.
    const ARCH_REQ_XCOMP_PERM: libc::c_int = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: this call accesses no memory of the process.
    #[allow(unsafe_code)]
    unsafe {
        libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0
    }
}

#[cfg(not(target_os = "linux"))]
fn may_use_tiles() -> bool {
    false
}

/// The operand of LDTILECFG.
#[repr(C, align(64))]
struct TileConfiguration {
    palette: u8,
    first_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// The tile registers of this thread while they are configured.
pub struct Tiles(());

impl Tiles {
    /// Configures all eight, 16 rows of 64 bytes each.
    ///
    /// # Safety
    /// The CPU must have the instructions, and the system must allow them.
    #[allow(unsafe_code)]
    pub unsafe fn configure() -> Self {
        let mut configuration =
            TileConfiguration { palette: 1, first_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        configuration.row_bytes[..8].fill(64);
        configuration.rows[..8].fill(16);
        // SAFETY: the operand is valid, and the caller vouches for the instruction.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly, preserves_flags));
        }
        Self(())
    }

    /// Computes `size` numbers of a tile, or adds to them, from a panel of rows, `[blocks, 32, 16]`, and one of columns,
    /// `[blocks · 16, 32]`.
    ///
    /// # Safety
    /// `out` points to a tile of this size in rows of `stride` numbers that nothing else accesses, and which are initialized if the
    /// sums are added.
    #[allow(unsafe_code)]
    pub unsafe fn multiply(&self, panels: [&[u32]; 2], out: *mut f32, stride: usize, size: [usize; 2], adds: bool) {
        let [rows, columns] = panels;
        assert_eq!(rows.len(), columns.len(), "panels of one length");
        assert!(!rows.is_empty() && rows.len().is_multiple_of(TILE[0] * PAIRS), "whole blocks");
        if size == TILE {
            // SAFETY: the caller vouches for `out`.
            unsafe { self.multiply_whole(panels, out, stride, adds) };
            return;
        }
        let mut whole = [0.0_f32; TILE[0] * TILE[1]];
        // SAFETY: `whole` is a tile.
        unsafe { self.multiply_whole(panels, whole.as_mut_ptr(), TILE[1], false) };
        for (row, sums) in whole.chunks_exact(TILE[1]).enumerate().take(size[0]) {
            for (column, sum) in sums.iter().enumerate().take(size[1]) {
                // SAFETY: these numbers are of the caller's tile.
                unsafe {
                    let number = out.add(row * stride + column);
                    *number = if adds { *number + sum } else { *sum };
                }
            }
        }
    }

    /// Computes all numbers of a tile.
    ///
    /// # Safety
    /// As of [`Tiles::multiply`], for a tile of 32 × 32.
    #[allow(unsafe_code, clippy::unused_self)]
    unsafe fn multiply_whole(&self, [rows, columns]: [&[u32]; 2], out: *mut f32, stride: usize, adds: bool) {
        // SAFETY: the panels have whole blocks of the same number, the tile is the caller's, and `self` shows that registers are
        // configured.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "test {adds}, {adds}",
                "jz 2f",
                "tileloadd tmm0, [{above} + {stride} * 1]",
                "tileloadd tmm1, [{above} + {stride} * 1 + 64]",
                "tileloadd tmm2, [{below} + {stride} * 1]",
                "tileloadd tmm3, [{below} + {stride} * 1 + 64]",
                "2:",
                "tileloadd tmm4, [{rows} + {row_bytes} * 1]",
                "tileloadd tmm5, [{rows} + {row_bytes} * 1 + 1024]",
                "tileloadd tmm6, [{columns} + {row_bytes} * 2]",
                "tileloadd tmm7, [{columns} + {row_bytes} * 2 + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {rows}, 2048",
                "add {columns}, 2048",
                "dec {blocks}",
                "jnz 2b",
                "tilestored [{above} + {stride} * 1], tmm0",
                "tilestored [{above} + {stride} * 1 + 64], tmm1",
                "tilestored [{below} + {stride} * 1], tmm2",
                "tilestored [{below} + {stride} * 1 + 64], tmm3",
                rows = inout(reg) rows.as_ptr() => _,
                columns = inout(reg) columns.as_ptr() => _,
                blocks = inout(reg) rows.len() / (TILE[0] * PAIRS) => _,
                above = in(reg) out,
                below = in(reg) out.wrapping_add(16 * stride),
                stride = in(reg) stride * size_of::<f32>(),
                row_bytes = in(reg) 64_usize,
                adds = in(reg) usize::from(adds),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: `self` shows that the CPU has the instruction.
        #[allow(unsafe_code)]
        unsafe {
            asm!("tilerelease", options(nostack, nomem, preserves_flags));
        }
    }
}
