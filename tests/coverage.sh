#!/usr/bin/env bash
# Line coverage of what reads, plans, records and resumes, by the whole fast suite: the program's processes are counted
# too, all but those that a test kills. Fails below 90 %.
#   tests/coverage.sh [cargo llvm-cov's options, such as --html]
# Needs cargo-llvm-cov (cargo install cargo-llvm-cov) and rustup's llvm-tools.
set -euo pipefail
cd "$(dirname "$0")/.."
# What computes and what draws is held to other values than lines: PyTorch's, scipy's, pictures.
elsewhere='src/(kernels|models|train|statistics|page|progress|vendor)|vendor/|tests/'
cargo llvm-cov test --release --locked --ignore-filename-regex "$elsewhere" --fail-under-lines 90 "$@"
