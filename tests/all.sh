#!/usr/bin/env bash
# Runs every test that this machine allows: the fast tier, the slow tests, and those whose tools or data are available.
#   tests/all.sh [--ignored] [ARGUMENTS OF THE TEST PROGRAMS]
# Prints which tests are left out, and why. With --ignored, the fast tier is not run again. With --skips, it only prints the
# options that leave out the tests that this machine cannot run.
set -euo pipefail
cd "$(dirname "$0")/.."
# A test's `#[ignore = "needs …"]` states its requirement; these are the tests for each requirement.
skips=()
without() { # what is missing, tests...
    echo "left out, $1 is missing: ${*:2}" >&2
    for test in "${@:2}"; do skips+=(--skip "$test"); done
}
strace -qq -o /dev/null true 2>/dev/null || without "strace, or the right to trace," faults:: killed_at_any_call_of_its_end
chromium --version >/dev/null 2>&1 || chromium-browser --version >/dev/null 2>&1 || google-chrome --version >/dev/null 2>&1 ||
    without Chromium page::a_browser_opens
[ "$(id -u)" != 0 ] || command -v setpriv >/dev/null || without "setpriv, and this is root;" folders_that_may_not_be_read
[ -n "${GLUEPOT_GLUE:-}" ] && [ -n "${GLUEPOT_CHECKPOINT:-}" ] || without "GLUEPOT_GLUE or GLUEPOT_CHECKPOINT" real::
grep -qwE 'avx512_bf16|amx_bf16' /proc/cpuinfo 2>/dev/null || without "a CPU with AVX512-BF16 or AMX-BF16" \
    every_family_trains_as_closely bf16::threads_change_no_byte_of_a_training bf16_instructions_compute_every_product
grep -qw avx512_bf16 /proc/cpuinfo 2>/dev/null || without "a CPU with AVX512-BF16" by_avx512_bf16
grep -qw amx_bf16 /proc/cpuinfo 2>/dev/null || without "a CPU with AMX-BF16" by_amx::
# A benchmark is not a test.
skips+=(--skip five_thousand_runs)
if [ "${1:-}" = --skips ]; then echo "${skips[@]}"; exit; fi
which=--include-ignored
[ "${1:-}" != --ignored ] || { which=--ignored; shift; }
cargo test --release --locked -- "$which" "${skips[@]}" "$@"
