#!/usr/bin/env bash
# Writes tests/golden/amx.txt: what the AMX code computes on an emulator that is not ours, Bochs, without an operating system.
#   make_amx.sh BOCHS_FOLDER >tests/golden/amx.txt
# BOCHS_FOLDER is Bochs' source (later than 3.0), built there after
#   ./configure --enable-x86-64 --enable-avx --enable-evex --enable-amx --with-nogui
# Needs binutils, and Rust's library for a machine without a system: rustup target add x86_64-unknown-none
set -euo pipefail
bochs=$(realpath "$1")
cd "$(dirname "$0")"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

rustc --edition 2024 -O -C panic=abort -C relocation-model=static -C no-redzone=yes --target x86_64-unknown-none \
    -C linker=rust-lld -C link-arg=-T"$PWD/payload.ld" -C link-arg=--oformat=binary payload.rs -o "$work/payload"
[ "$(stat -c %s "$work/payload")" -le $((64 * 512)) ] || { echo "the payload is larger than the boot sector loads" >&2; exit 1; }
as --64 boot.S -o "$work/boot.o"
ld -m elf_x86_64 -Ttext 0x7c00 -e _start --oformat binary "$work/boot.o" -o "$work/boot"
cat "$work/boot" "$work/payload" >"$work/disk"
truncate -s $((20 * 16 * 63 * 512)) "$work/disk"

cat >"$work/bochsrc" <<SETTINGS
display_library: nogui
romimage: file=$bochs/bios/BIOS-bochs-latest
vgaromimage: file=$bochs/bios/VGABIOS-lgpl/VGABIOS-lgpl-latest.bin
megs: 64
cpu: model=sapphire_rapids
ata0-master: type=disk, path=$work/disk, mode=flat, cylinders=20, heads=16, spt=63
boot: disk
port_e9_hack: enabled=1
log: $work/log
panic: action=fatal
SETTINGS
timeout 120 "$bochs/bochs" -q -f "$work/bochsrc" >"$work/out" 2>/dev/null </dev/null || true
grep -q '^END' "$work/out" || { cat "$work/out" >&2; tail "$work/log" >&2; exit 1; }
sed -n '/^BEGIN/,/^END/p' "$work/out" | sed '1d;$d'
