//! Computes the cases of `amx_cases.rs` with the code of `amx.rs` on a processor without an operating system, and writes them to Bochs'
//! debugging port.
#![no_std]
#![no_main]

extern crate core as std;

#[allow(dead_code)]
#[path = "../../../src/kernels/cpu/bf16/amx.rs"]
mod amx;
#[path = "../../../src/kernels/cpu/bf16/amx_cases.rs"]
mod amx_cases;

use core::arch::asm;
use core::fmt::Write;

struct Port;

impl Write for Port {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            unsafe { asm!("out 0xe9, al", in("al") byte) }
        }
        Ok(())
    }
}

#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.entry")]
extern "C" fn entry() {
    _ = writeln!(Port, "BEGIN");
    let tiles = unsafe { amx::Tiles::configure() };
    _ = amx_cases::write_checksums(
        |panels, out, stride, size, adds| unsafe { tiles.multiply(panels, out.as_mut_ptr(), stride, size, adds) },
        &mut Port,
    );
    _ = writeln!(Port, "END");
    // Bochs ends when this word is written to this port.
    for byte in *b"Shutdown" {
        unsafe { asm!("out dx, al", in("dx") 0x8900_u16, in("al") byte) }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    _ = writeln!(Port, "{info}");
    loop {
        unsafe { asm!("hlt") }
    }
}
