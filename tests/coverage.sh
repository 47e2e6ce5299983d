#!/usr/bin/env bash
# Line coverage of the whole suite, including child processes except those that a test kills. Fails below 90 %.
#   tests/coverage.sh [cargo llvm-cov's options for its report, such as --html]
# Needs cargo-llvm-cov (cargo install cargo-llvm-cov) and rustup's llvm-tools.
set -euo pipefail
cd "$(dirname "$0")/.."
# Two tests leave a process no place to write its counts, and then check its messages.
read -ra skips < <(tests/all.sh --skips)
cargo llvm-cov test --release --locked --no-report -- --include-ignored "${skips[@]}" \
    --skip folders_that_may_not_be_read --skip run_directories_that_cannot_be_written
# A killed process leaves unreadable counts.
cargo llvm-cov report --release --failure-mode all --ignore-filename-regex 'vendor/|tests/' --fail-under-lines 90 "${@:---summary-only}"
