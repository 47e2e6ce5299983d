//! AMX in software, for tests on processors without it: a handler of SIGILL computes each of its instructions.
//!
//! Encodings and operations are those of Intel's Software Developer's Manual, volume 2.

use std::cell::RefCell;
use std::sync::Once;

use libc::{REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
use libc::{REG_RAX, REG_RBP, REG_RBX, REG_RCX, REG_RDI, REG_RDX, REG_RIP, REG_RSI, REG_RSP};

/// The general registers in the order of their numbers.
const REGISTERS: [libc::c_int; 16] = [
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
    REG_R14, REG_R15,
];

/// A tile register: 16 rows of 64 bytes.
type Tile = [[u32; 16]; 16];

/// The state of a thread: rows and bytes of a row of each register, where it is configured, and their contents.
struct TileState {
    shape: Option<[(usize, usize); 8]>,
    tiles: [Tile; 8],
}

thread_local! {
    static STATE: RefCell<TileState> = const { RefCell::new(TileState { shape: None, tiles: [[[0; 16]; 16]; 8] }) };
}

/// Installs the handler. On a processor with AMX it is never called.
pub fn install() {
    static INSTALLED: Once = Once::new();
    // SAFETY: the handler accesses only memory that an instruction would, and its thread's state.
    #[allow(unsafe_code)]
    INSTALLED.call_once(|| unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_illegal_instruction as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGILL, &raw const action, std::ptr::null_mut()), 0);
    });
}

#[allow(unsafe_code)]
extern "C" fn on_illegal_instruction(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system passes the context of the interrupted thread.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let rip = registers[REG_RIP as usize];
    // SAFETY: the processor has just read the instruction. Its longest form here has ten bytes.
    let code = unsafe { std::slice::from_raw_parts(rip as *const u8, 10) };
    match emulate(code, registers) {
        Some(length) => registers[REG_RIP as usize] = rip + length,
        // SAFETY: the instruction is tried again and ends the process.
        None => unsafe {
            libc::signal(libc::SIGILL, libc::SIG_DFL);
        },
    }
}

/// A place in memory that an instruction names.
struct MemoryOperand {
    /// A register and a displacement.
    base: i64,
    /// A register by its scale, 0 without one.
    index: i64,
    /// The length of the instruction.
    end: i64,
}

/// Decodes the operand in memory of an instruction with a VEX prefix of three bytes, or `None` if it names no register there.
fn memory_operand(code: &[u8], registers: &[libc::greg_t; 23]) -> Option<MemoryOperand> {
    let (first, modrm) = (code[1], code[4]);
    let number = |low: u8, inverted: u8| usize::from(low & 7) + usize::from(first & inverted == 0) * 8;
    let value = |number: usize| registers[REGISTERS[number] as usize];
    let (mode, has_sib) = (modrm >> 6, modrm & 7 == 4);
    let (base, index, at) = if has_sib {
        let (sib, index) = (code[5], number(code[5] >> 3, 0x40));
        (sib, if index == 4 { 0 } else { value(index) << (sib >> 6) }, 6)
    } else {
        (modrm, 0, 5)
    };
    if mode == 3 || mode == 0 && base & 7 == 5 {
        return None;
    }
    let (displacement, size) = match mode {
        0 => (0, 0),
        1 => (i64::from(code[at].cast_signed()), 1),
        _ => (i64::from(i32::from_le_bytes(code[at..at + 4].try_into().ok()?)), 4),
    };
    Some(MemoryOperand { base: value(number(base, 0x20)) + displacement, index, end: i64::try_from(at).ok()? + size })
}

/// Computes an instruction and returns its length, or `None` if it is not one of these or not allowed.
#[allow(unsafe_code)]
fn emulate(code: &[u8], registers: &[libc::greg_t; 23]) -> Option<i64> {
    let [0xc4, first, second, opcode, modrm] = code[..5] else { return None };
    // Map 0F38, W0, L0; the bits R, X and B are inverted.
    if first & 0x1f != 2 || second & 0x84 != 0 {
        return None;
    }
    let (prefix, third) = (second & 3, usize::from(!second >> 3 & 0xf));
    let (mode, reg, rm) = (modrm >> 6, usize::from(modrm >> 3 & 7), usize::from(modrm & 7));
    STATE.with_borrow_mut(|state| match (opcode, prefix, mode) {
        (0x49, 0, 3) if modrm == 0xc0 => {
            state.shape = None;
            Some(5)
        }
        (0x49, 0, 0..=2) if reg == 0 => {
            let memory = memory_operand(code, registers)?;
            // SAFETY: the operand of LDTILECFG has 64 bytes.
            let operand = unsafe { std::slice::from_raw_parts((memory.base + memory.index) as *const u8, 64) };
            assert_eq!(operand[..2], [1, 0], "palette and first row");
            let bytes = |tile: usize| usize::from(u16::from_le_bytes([operand[16 + 2 * tile], operand[17 + 2 * tile]]));
            state.shape = Some(std::array::from_fn(|tile| (usize::from(operand[48 + tile]), bytes(tile))));
            state.tiles = [[[0; 16]; 16]; 8];
            Some(memory.end)
        }
        (0x49, 3, 3) if rm == 0 => {
            state.shape?;
            state.tiles[reg] = [[0; 16]; 16];
            Some(5)
        }
        (0x4b, 2 | 3, 0..=2) if rm == 4 => {
            let memory = memory_operand(code, registers)?;
            let (rows, bytes) = state.shape?[reg];
            let tile = &mut state.tiles[reg];
            for (row, values) in (0..).zip(tile.iter_mut().take(rows)) {
                let at = (memory.base + row * memory.index) as *mut u32;
                // SAFETY: the instruction accesses these bytes of each row.
                unsafe {
                    if prefix == 3 {
                        std::ptr::copy_nonoverlapping(at.cast_const().cast::<u8>(), values.as_mut_ptr().cast(), bytes);
                    } else {
                        std::ptr::copy_nonoverlapping(values.as_ptr().cast(), at.cast::<u8>(), bytes);
                    }
                }
            }
            Some(memory.end)
        }
        (0x5c, 2, 3) => {
            let shape = state.shape?;
            if third > 7 || [reg, rm, third].windows(2).any(|pair| pair[0] == pair[1]) || reg == third {
                return None;
            }
            let (left, right) = (state.tiles[rm], state.tiles[third]);
            for (sums, left) in state.tiles[reg].iter_mut().zip(&left).take(shape[reg].0) {
                for (column, sum) in sums.iter_mut().enumerate().take(shape[reg].1 / 4) {
                    let mut parts = [0.0_f32; 2];
                    for (left, right) in left.iter().zip(&right).take(shape[third].0) {
                        let halves = |pair: u32| [pair << 16, pair & 0xffff_0000].map(f32::from_bits);
                        for ((part, a), b) in parts.iter_mut().zip(halves(*left)).zip(halves(right[column])) {
                            *part = a.mul_add(b, *part);
                        }
                    }
                    *sum = (f32::from_bits(*sum) + (parts[0] + parts[1])).to_bits();
                }
            }
            Some(5)
        }
        _ => None,
    })
}
