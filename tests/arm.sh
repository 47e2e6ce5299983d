#!/usr/bin/env bash
# Tests the CPU kernels on 64-bit Arm with NEON: every training step against PyTorch, and identical bytes for any
# number of threads. On other processors, runs through QEMU.
#   tests/arm.sh [FILTERS OF THE SUITE]
# Except on Arm, needs QEMU's user mode and a linker (Debian: qemu-user-static, g++-aarch64-linux-gnu); rustup downloads
# Rust's standard library for Arm.
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu
filters=("$@")
[ $# -gt 0 ] || filters=(golden:: statistics:: reproducible::)

if [ "$(uname -m)" != aarch64 ]; then
    runner="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
    for tool in ${runner%% *} aarch64-linux-gnu-g++; do
        command -v "$tool" >/dev/null || { echo "$tool is missing; Debian: apt install qemu-user-static g++-aarch64-linux-gnu" >&2; exit 1; }
    done
    rustup target add $target
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
    export CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=$runner GLUEPOT_TEST_RUNNER=$runner
fi
cargo test --release --locked --target $target --lib
cargo test --release --locked --target $target --test suite -- --include-ignored "${filters[@]}"
