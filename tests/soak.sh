#!/usr/bin/env bash
# The long-running tests: a thousand kills, every fault, and each fuzz target for ten minutes.
#   tests/soak.sh [SECONDS_PER_TARGET]
# Needs strace for the faults, and a nightly toolchain with cargo-fuzz for the targets.
set -euo pipefail
cd "$(dirname "$0")/.."
export GLUEPOT_TEST_KILLS=${GLUEPOT_TEST_KILLS:-1000} GLUEPOT_TEST_FAULTS=all
cargo test --release --locked --test suite -- --nocapture --include-ignored killed_a faults::
for target in $(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//'); do
    # New inputs go to a temporary folder; the project keeps a small corpus.
    found=$(mktemp -d)
    cargo +nightly fuzz run --release -s none "$target" "$found" "fuzz/corpus/$target" -- -max_total_time="${1:-600}" -timeout=20 -rss_limit_mb=4096
    rm -rf "$found"
done
